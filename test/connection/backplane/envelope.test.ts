import { describe, expect, it } from "vitest";
import { concat, encodeUtf8, latin1 } from "../../../src/bytes.ts";
import {
  dataOf,
  decodeEnvelope,
  encodeEnvelope,
  type Envelope,
  type EnvelopeFault,
  spellNode,
} from "../../../src/connection/backplane/envelope.ts";
import { OpBinary, OpText } from "../../../src/frame/opcode.ts";
import { hex } from "../../support/frames.ts";

const id = hex("00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d fe ff");
const node = latin1(id, 0, 16);

const greeting: Envelope = {
  node,
  series: 7,
  sequence: 2 ** 32 + 5,
  opcode: OpText,
  compress: true,
  payload: encodeUtf8("grün"),
};

/** The bytes of an envelope that is right, of which a test makes a wrong one. */
function changed(at: number, ...bytes: number[]): Uint8Array {
  const whole = encodeEnvelope(greeting);
  whole.set(bytes, at);
  return whole;
}

describe("encodeEnvelope()", () => {
  it("writes the bytes that its table says", () => {
    expect(encodeEnvelope(greeting)).toEqual(
      concat([
        hex("46 57 01 01"),
        id,
        hex("00 00 00 07"),
        hex("00 00 00 01 00 00 00 05"),
        hex("67 72 c3 bc 6e"),
      ]),
    );
    const secret = { ...greeting, opcode: OpBinary, compress: false };
    expect(encodeEnvelope(secret)[3]).toBe(0x12);
  });
});

describe("decodeEnvelope()", () => {
  it.each([
    ["text", greeting],
    ["binary", { ...greeting, opcode: OpBinary }],
    ["what must not be compressed", { ...greeting, compress: false }],
    ["nothing", { ...greeting, payload: new Uint8Array(0) }],
    ["the highest numbers", { ...greeting, series: 2 ** 32 - 1, sequence: 2 ** 53 - 1 }],
  ])("gives back %s", (_, envelope) => {
    expect(decodeEnvelope(encodeEnvelope(envelope))).toEqual(envelope);
  });

  it("reads a view on a larger array", () => {
    const bytes = encodeEnvelope(greeting);
    const larger = concat([hex("ff ff ff"), bytes, hex("ff")]);
    expect(decodeEnvelope(larger.subarray(3, 3 + bytes.length))).toEqual(greeting);
  });

  const detached = new Uint8Array(40);
  structuredClone(detached, { transfer: [detached.buffer] });

  it.each<[string, unknown, EnvelopeFault]>([
    ["nothing at all", new Uint8Array(0), "foreign"],
    ["two bytes", hex("46 57"), "foreign"],
    ["somebody else's text", encodeUtf8('{"topic":"tea"}'), "foreign"],
    ["another first byte", changed(0, 0x47), "foreign"],
    ["another second byte", changed(1, 0x56), "foreign"],
    ["a string", "FW\x01\x01", "foreign"],
    ["null", null, "foreign"],
    ["undefined", undefined, "foreign"],
    ["an array of numbers", [0x46, 0x57, 1], "foreign"],
    ["an ArrayBuffer", new ArrayBuffer(64), "foreign"],
    ["bytes that are detached", detached, "foreign"],
    ["version 0", changed(2, 0), "version"],
    ["version 2", changed(2, 2), "version"],
    ["version 255, which is shorter", hex("46 57 ff"), "version"],
    ["a header that is cut off", encodeEnvelope(greeting).subarray(0, 31), "malformed"],
    ["the beginning of one", hex("46 57 01"), "malformed"],
    ["a continuation", changed(3, 0x00), "malformed"],
    ["a close frame", changed(3, 0x08), "malformed"],
    ["an opcode that is reserved", changed(3, 0x03), "malformed"],
    ["a bit that is not defined", changed(3, 0x21), "malformed"],
    ["another one", changed(3, 0x81), "malformed"],
    ["the sequence number 0", changed(24, 0, 0, 0, 0, 0, 0, 0, 0), "malformed"],
    ["one of 2^53", changed(24, 0, 0x20, 0, 0, 0, 0, 0, 0), "malformed"],
    ["the largest of all", changed(24, 255, 255, 255, 255, 255, 255, 255, 255), "malformed"],
  ])("refuses %s", (_, bytes, fault) => {
    expect(decodeEnvelope(bytes)).toBe(fault);
  });

  it("refuses every piece of an envelope that is shorter than its header", () => {
    const whole = encodeEnvelope(greeting);
    for (let end = 0; end < 32; end++) {
      expect(decodeEnvelope(whole.subarray(0, end))).toBe(end < 3 ? "foreign" : "malformed");
    }
  });
});

describe("dataOf()", () => {
  it("gives text as text, including a byte order mark, and bytes without a copy", () => {
    expect(dataOf(greeting)).toBe("grün");
    expect(dataOf({ ...greeting, payload: hex("ef bb bf 61") })).toBe("\ufeffa");
    expect(dataOf({ ...greeting, opcode: OpBinary })).toBe(greeting.payload);
  });

  it.each(["ff", "c3", "ed a0 80", "f4 90 80 80", "c0 80"])(
    "gives nothing if text is not valid UTF-8: %s",
    (bytes) => {
      expect(dataOf({ ...greeting, payload: hex(bytes) })).toBeUndefined();
    },
  );
});

describe("spellNode()", () => {
  it("writes a node's id in hexadecimal digits", () => {
    expect(spellNode(node)).toBe("000102030405060708090a0b0c0dfeff");
  });
});
