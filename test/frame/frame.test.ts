import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { newCloseFrameBody } from "../../src/frame/close.ts";
import * as frames from "../../src/frame/frame.ts";
import {
  binary,
  close,
  continuation,
  counted,
  exampleMask,
  hex,
  maskKeyOf,
  naiveMask,
  ping,
  pong,
  text,
  toHex,
  wrongKeys,
} from "../support/frames.ts";
import { detached } from "../support/ranges.ts";

const exampleKey = maskKeyOf(exampleMask);
const hello = encodeUtf8("Hello");
const {
  compileFrame,
  maskFrame,
  maskFrameInPlace,
  maskFrameInPlaceWith,
  maskFrameWith,
  newFrame,
  unmaskFrame,
  unmaskFrameInPlace,
} = frames;

describe("compileFrame()", () => {
  it.each<[what: string, wire: string, make: () => frames.Frame]>([
    ["an unmasked text", "81 05 48 65 6c 6c 6f", () => frames.newTextFrame(hello)],
    [
      "a masked text",
      "81 85 37 fa 21 3d 7f 9f 4d 51 58",
      () => maskFrameWith(frames.newTextFrame(hello), exampleKey),
    ],
    ["a first fragment", "01 03 48 65 6c", () => newFrame(1, false, encodeUtf8("Hel"))],
    ["a last fragment", "80 02 6c 6f", () => newFrame(0, true, encodeUtf8("lo"))],
    ["a ping", "89 05 48 65 6c 6c 6f", () => frames.newPingFrame(hello)],
    [
      "a masked pong",
      "8a 85 37 fa 21 3d 7f 9f 4d 51 58",
      () => maskFrameWith(frames.newPongFrame(hello), exampleKey),
    ],
  ])("gives the bytes of RFC 6455, 5.7: %s", (_, wire, make) => {
    expect(compileFrame(make())).toEqual(hex(wire));
  });

  it.each([
    [256, "82 7e 01 00"],
    [65536, "82 7f 00 00 00 00 00 01 00 00"],
  ])("gives the header of RFC 6455, 5.7 in front of %i bytes of binary", (length, header) => {
    const bytes = compileFrame(frames.newBinaryFrame(counted(length)));
    expect(toHex(bytes, 0, bytes.length - length)).toBe(toHex(hex(header)));
    expect(toHex(bytes.subarray(-length)) === toHex(counted(length))).toBe(true);
  });

  it.each<[what: string, wire: Uint8Array, make: () => frames.Frame]>([
    ["newFrame()", continuation("ab", { fin: false }), () => newFrame(0, false, encodeUtf8("ab"))],
    ["newTextFrame()", text("ab"), () => frames.newTextFrame(encodeUtf8("ab"))],
    ["newBinaryFrame()", binary("ab"), () => frames.newBinaryFrame(encodeUtf8("ab"))],
    ["newPingFrame()", ping("ab"), () => frames.newPingFrame(encodeUtf8("ab"))],
    ["newPongFrame()", pong("ab"), () => frames.newPongFrame(encodeUtf8("ab"))],
    ["newCloseFrame()", close(1000, "a"), () => frames.newCloseFrame(newCloseFrameBody(1000, "a"))],
  ])("compiles what %s makes", (_, wire, make) => {
    expect(compileFrame(make())).toEqual(wire);
  });

  it("keeps the RSV bits", () => {
    const frame = frames.newTextFrame(hello);
    frame.header.rsv = 4;
    expect(compileFrame(frame)[0]).toBe(0xc1);
  });

  it("refuses a header with another length than the payload's", () => {
    const frame = frames.newTextFrame(hello);
    frame.header.length = 4;
    expect(() => compileFrame(frame)).toThrow(RangeError);
  });
});

const masked = naiveMask(hello, exampleMask);

describe("maskFrameWith() and unmaskFrame()", () => {
  it("work on copies", () => {
    const frame = frames.newTextFrame(hello.slice());
    const there = maskFrameWith(frame, exampleKey);
    expect(there.payload).toEqual(masked);
    expect(there.header).toEqual({ ...frame.header, masked: true, maskKey: exampleKey });
    const back = unmaskFrame(there);
    expect(back).toEqual(frame);
    expect(there.payload).toEqual(masked);
    expect(frame).toEqual(frames.newTextFrame(hello));
  });
});

describe("maskFrameInPlaceWith() and unmaskFrameInPlace()", () => {
  it("work in place, with new headers", () => {
    const payload = hello.slice();
    const frame = frames.newTextFrame(payload);
    const there = maskFrameInPlaceWith(frame, exampleKey);
    expect(there.payload).toBe(payload);
    expect(payload).toEqual(masked);
    expect(frame.header.masked).toBe(false);
    const back = unmaskFrameInPlace(there);
    expect(back.payload).toBe(payload);
    expect(payload).toEqual(hello);
    expect(back.header).toEqual(frame.header);
    expect(there.header.masked).toBe(true);
  });
});

describe("an invalid masking key", () => {
  it.each(wrongKeys)("is refused: %o", (key, error) => {
    const payload = hello.slice();
    const frame = frames.newTextFrame(payload);
    expect(() => maskFrameWith(frame, key as number)).toThrow(error);
    expect(() => maskFrameInPlaceWith(frame, key as number)).toThrow(error);
    expect(payload).toEqual(hello);
  });
});

describe("maskFrame() and maskFrameInPlace()", () => {
  it.each([
    ["a copy", maskFrame, false],
    ["the payload where it lies", maskFrameInPlace, true],
  ])("mask %s with a key of its own each time", (_, mask, isInPlace) => {
    const made = Array.from({ length: 8 }, () => mask(frames.newTextFrame(hello.slice())));
    expect(new Set(made.map(({ header }) => header.maskKey)).size).toBeGreaterThan(1);
    for (const frame of made) expect(unmaskFrame(frame)).toEqual(frames.newTextFrame(hello));
    const payload = hello.slice();
    expect(mask(frames.newTextFrame(payload)).payload === payload).toBe(isInPlace);
  });
});

describe("the compiled frames", () => {
  it.each([
    ["compiledPing", ping()],
    ["compiledPong", pong()],
    ["compiledClose", close()],
    ["compiledCloseNormalClosure", close(1000)],
    ["compiledCloseGoingAway", close(1001)],
    ["compiledCloseProtocolError", close(1002)],
    ["compiledCloseUnsupportedData", close(1003)],
    ["compiledCloseInvalidFramePayloadData", close(1007)],
    ["compiledClosePolicyViolation", close(1008)],
    ["compiledCloseMessageTooBig", close(1009)],
    ["compiledCloseMandatoryExt", close(1010)],
    ["compiledCloseInternalServerError", close(1011)],
  ] as const)("hold the bytes of the wire, in a new array each time: %s", (name, wire) => {
    frames[name]().fill(0);
    expect(frames[name]()).toEqual(wire);
  });
});

describe("frames that no peer may take", () => {
  it.each(["newPingFrame", "newPongFrame", "newCloseFrame"] as const)(
    "%s() refuses more than 125 bytes",
    (name) => {
      expect(frames[name](counted(125)).header.length).toBe(125);
      expect(() => frames[name](counted(126))).toThrow(
        new RangeError("length must be from 0 to 125: 126"),
      );
    },
  );

  it.each([0x1f, -1, NaN, 1.5])(
    "newFrame() refuses an opcode of %s, which none can have",
    (opcode) => {
      expect(() => frames.newFrame(opcode, true, counted(1))).toThrow(
        new RangeError(`opcode must be from 0 to 15: ${opcode}`),
      );
    },
  );

  it("newFrame() refuses an opcode that is no number, and a payload that is detached", () => {
    expect(() => frames.newFrame("text" as never, true, counted(1))).toThrow(TypeError);
    expect(() => frames.newFrame(2, true, detached())).toThrow(/detached/);
  });

  it("newFrame() makes them all the same, to test what a peer does", () => {
    expect(frames.newFrame(0x9, false, counted(126)).header).toMatchObject({
      opcode: 0x9,
      fin: false,
      length: 126,
    });
  });
});
