import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import type { RecvExtension } from "../../src/extension/extension.ts";
import { newHeader } from "../../src/frame/header.ts";
import type { Awaitable } from "../../src/io/byte-stream.ts";
import { TransformedPayload } from "../../src/stream/transformed-payload.ts";
import { openSessions, ShiftExtension } from "../support/shift-extension.ts";

/** How the bytes of a payload come: at once, or each time later. */
const ways = ["now", "later"] as const;

/** A payload of which each call gives up to `most` bytes. */
class Payload {
  readonly bytes: Uint8Array;
  readonly #way: (typeof ways)[number];
  readonly #most: number;
  at = 0;

  constructor(text: string, way: (typeof ways)[number] = "now", most = Infinity) {
    this.bytes = encodeUtf8(text);
    this.#way = way;
    this.#most = most;
  }

  read(into: Uint8Array): Awaitable<number> {
    const count = Math.min(this.#most, into.length, this.bytes.length - this.at);
    into.set(this.bytes.subarray(this.at, this.at + count));
    this.at += count;
    return this.#way === "now" ? count : Promise.resolve(count);
  }

  isRead(): boolean {
    return this.at === this.bytes.length;
  }
}

/** The receiving half of an extension that takes one from each byte of a message with RSV2. */
function shift(slice = Infinity): RecvExtension {
  return openSessions(new ShiftExtension({ slice, isAuto: true }))[0]!.recv!;
}

/** Begins a message with RSV2, or a control frame. */
function begin(payload: TransformedPayload, opcode = 1): void {
  const header = newHeader(opcode);
  header.rsv = opcode < 8 ? 2 : 0;
  payload.unsetBits(header);
  expect(header.rsv).toBe(0);
  payload.begin(opcode >= 8);
}

/** What is read up to the end, so many bytes a call. */
async function textOf(payload: TransformedPayload, most: number): Promise<string> {
  const into = new Uint8Array(most);
  let text = "";
  for (;;) {
    const count = await payload.read(into);
    if (count === 0) return text;
    text += new TextDecoder().decode(into.subarray(0, count));
  }
}

describe("TransformedPayload", () => {
  it.each(ways)(
    "gives what the extension makes, in pieces of any size: bytes come %s",
    async (way) => {
      for (const most of [1, 2, 100]) {
        for (const slice of [1, Infinity]) {
          const source = new Payload("Ifmmp", way, 2);
          const payload = new TransformedPayload(source, [shift(slice)], Infinity);
          begin(payload);
          expect([payload.isActive, payload.hasMore]).toEqual([true, true]);
          expect(await textOf(payload, most)).toBe("Hello");
          expect([payload.hasMore, await payload.read(new Uint8Array(1))]).toEqual([false, 0]);
        }
      }
    },
  );

  it.each(ways)(
    "waits for an extension that gives all at the end, or nothing: bytes come %s",
    async (way) => {
      for (const made of ["end", ""]) {
        const late: RecvExtension = {
          unsetBits() {},
          beginMessage: () => ({
            write(_bytes, _start, _end, isLast, into) {
              if (isLast) into.add(encodeUtf8(made), 0, made.length);
              return true;
            },
            goOn: () => true,
            whenReady() {},
          }),
        };
        const payload = new TransformedPayload(new Payload("abcdef", way, 2), [late], Infinity);
        payload.begin(false);
        expect(await textOf(payload, 10)).toBe(made);
      }
    },
  );

  it("makes no promise where all bytes are there", () => {
    const payload = new TransformedPayload(new Payload("Ij"), [shift()], Infinity);
    begin(payload);
    expect(payload.read(new Uint8Array(9))).toBe(2);
    expect(payload.read(new Uint8Array(9))).toBe(0);
  });

  it("leaves a control frame, and what no extension wants, as it is", () => {
    const payload = new TransformedPayload(new Payload(""), [shift()], Infinity);
    begin(payload, 9);
    expect([payload.isActive, payload.hasMore]).toEqual([false, false]);
    payload.begin(false);
    expect(payload.isActive).toBe(false);
  });

  it("counts what the extension makes against the limit of each message", async () => {
    const source = new Payload("abcdef", "now", 3);
    const payload = new TransformedPayload(source, [shift()], 3);
    begin(payload);
    expect(await payload.read(new Uint8Array(3))).toBe(3);
    expect(() => payload.read(new Uint8Array(3))).toThrow(
      expect.objectContaining({ code: "MESSAGE_TOO_BIG" }),
    );
  });

  it.each(ways)("gives the extension all that discard() drops: bytes come %s", async (way) => {
    const source = new Payload("abcdef", way, 2);
    const payload = new TransformedPayload(source, [shift()], Infinity);
    begin(payload);
    await payload.read(new Uint8Array(1));
    await payload.discard();
    expect([source.isRead(), payload.hasMore]).toEqual([true, false]);
  });
});
