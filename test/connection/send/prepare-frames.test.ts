import { describe, expect, it } from "vitest";
import { prepareFrames } from "../../../src/connection/send/prepare-frames.ts";
import type { ProtocolError } from "../../../src/errors.ts";
import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import { compileFrame, maskFrame, newFrame } from "../../../src/frame/frame.ts";
import {
  OpBinary,
  OpContinuation,
  type Opcode,
  OpPing,
  OpText,
} from "../../../src/frame/opcode.ts";
import { openPair } from "../../support/pair.ts";

const frame = (opcode: Opcode, payload: string | Uint8Array, fin = true): Uint8Array =>
  compileFrame(newFrame(opcode, fin, typeof payload === "string" ? encodeUtf8(payload) : payload));

describe("prepareFrames()", () => {
  it.each([
    ["a text", [frame(OpText, "Hello")], OpText, "Hello"],
    ["an empty message", [frame(OpBinary, "")], OpBinary, ""],
    ["a long one", [frame(OpBinary, "x".repeat(70_000))], OpBinary, "x".repeat(70_000)],
    [
      "a message in frames, a character cut",
      [
        frame(OpText, Uint8Array.of(0xc3), false),
        frame(OpContinuation, Uint8Array.of(0xa9), false),
        frame(OpContinuation, "!"),
      ],
      OpText,
      "\u00e9!",
    ],
  ])("takes %s, whole, in a list, and cut anywhere", (_, frames, opcode, text) => {
    const whole = concat(frames);
    for (const given of [whole, frames, [whole.subarray(0, 1), whole.subarray(1)], whole.buffer]) {
      const made = prepareFrames(given);
      expect([made.opcode, made.compress]).toEqual([opcode, false]);
      expect(new TextDecoder().decode(made.bytes)).toBe(text);
    }
  });

  it("copies them, and gives a server's frame back as it was", () => {
    const given = frame(OpText, "Hello");
    const before = given.slice();
    const made = prepareFrames(given);
    given.fill(0);
    expect(made.frame).toEqual(before);
  });

  it("is sent by both sides, and published", async () => {
    const { ours, theirs, server } = await openPair();
    const message = prepareFrames(frame(OpText, "Hello"));
    void ours.send(message);
    expect(await theirs.receive()).toBe("Hello");
    void theirs.send(message);
    expect(await ours.receive()).toBe("Hello");
    server.broadcast(message);
    expect(await theirs.receive()).toBe("Hello");
  });

  const two = concat([frame(OpText, "a"), frame(OpText, "b")]);
  const compressed = frame(OpText, "a");
  compressed[0]! |= 0x40;
  it.each([
    ["nothing", new Uint8Array(0), "the last one is cut off", undefined],
    ["a header that is cut", Uint8Array.of(0x81), "the last one is cut off", undefined],
    [
      "a payload that is cut",
      frame(OpText, "ab").subarray(0, 3),
      "the last one is cut off",
      undefined,
    ],
    ["a message without its end", frame(OpText, "a", false), "the last one is cut off", undefined],
    ["two messages", two, "something follows the last one", undefined],
    ["a control frame", frame(OpPing, "a"), "there is a control frame among them", undefined],
    [
      "text that is no UTF-8",
      frame(OpText, Uint8Array.of(0xff)),
      "it is not valid UTF-8",
      undefined,
    ],
    [
      "a continuation",
      frame(OpContinuation, "a"),
      "Continuation frame without a message to continue",
      "CONTINUATION_UNEXPECTED",
    ],
    ["a compressed message", compressed, "RSV bit set, but no extension uses it", "RSV_NOT_ZERO"],
    [
      "a masked frame",
      compileFrame(maskFrame(newFrame(OpText, true, encodeUtf8("a")))),
      "Frame from a server is masked",
      "MASK_UNEXPECTED",
    ],
  ])("refuses %s", (_, given, why, code) => {
    let thrown: unknown;
    try {
      prepareFrames(given);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toEqual(
      new TypeError(`frames must be those of one whole message, as a server sends it: ${why}`),
    );
    const { cause } = thrown as Error;
    expect((cause as ProtocolError | undefined)?.code).toBe(code);
  });

  it("refuses a value that is not bytes", () => {
    for (const given of ["text", 7, ["text"], undefined]) {
      expect(() => prepareFrames(given as never)).toThrow(
        /^frames must be an ArrayBuffer or a view on one, or a list of those: /,
      );
    }
  });
});
