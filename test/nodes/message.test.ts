import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import {
  contentOf,
  decodeMessage,
  encodeMessage,
  isWhole,
  textOf,
  type MessageKind,
  type NodeMessage,
} from "../../src/nodes/message.ts";

const sender = "00112233445566778899aabbccddeeff";

/** A message whose head is any text. */
function withHead(head: string): Uint8Array {
  const bytes = encodeMessage("bye", sender, {}, encodeUtf8(head));
  bytes.copyWithin(24, 26);
  bytes[23] = bytes.length - 26;
  return bytes.subarray(0, -2);
}

describe("encodeMessage(), decodeMessage()", () => {
  it("write the bytes that the table says", () => {
    const bytes = encodeMessage("message", sender, { n: 1 }, Uint8Array.of(1, 2));
    expect([...bytes.subarray(0, 4)]).toEqual([0x46, 0x4e, 1, 4]);
    expect(
      [...bytes.subarray(4, 20)].map((byte) => byte.toString(16).padStart(2, "0")).join(""),
    ).toBe(sender);
    expect([...bytes.subarray(20, 24)]).toEqual([0, 0, 0, 7]);
    expect(new TextDecoder().decode(bytes.subarray(24, 31))).toBe('{"n":1}');
    expect([...bytes.subarray(31)]).toEqual([1, 2]);
  });

  it.each<[MessageKind, number]>([
    ["here", 1],
    ["hello", 2],
    ["bye", 3],
    ["message", 4],
    ["ask", 5],
    ["answer", 6],
    ["keys", 7],
    ["mark", 8],
    ["compare", 9],
  ])("give back what was written: %s", (kind, number) => {
    const bytes = encodeMessage(kind, sender, { a: "ü" });
    expect(bytes[3]).toBe(number);
    expect(decodeMessage(bytes)).toEqual({
      kind,
      sender,
      head: { a: "ü" },
      payload: new Uint8Array(0),
    });
  });

  it("refuse bytes of others, of another version or kind, or damaged ones", () => {
    const good = encodeMessage("ask", sender, { n: 1 });
    const changed = (at: number, byte: number): Uint8Array => {
      const bytes = good.slice();
      bytes[at] = byte;
      return bytes;
    };
    const bad = [
      new Uint8Array(0),
      good.subarray(0, 23),
      changed(0, 0x47),
      changed(1, 0x57),
      changed(2, 2),
      changed(3, 0),
      changed(3, 10),
      changed(20, 0xff),
      changed(23, 200),
      changed(24, 0xff),
      ...["[]", "null", "1", '"x"', "{", ""].map(withHead),
    ];
    expect(bad.map((bytes) => decodeMessage(bytes))).toEqual(bad.map(() => undefined));
    expect(decodeMessage(withHead('{"n":2}'))?.head).toEqual({ n: 2 });
  });

  it("never throw, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, isOurs) => {
        if (isOurs && bytes.length > 4) bytes.set([0x46, 0x4e, 1, 1 + (bytes[3]! % 9)]);
        decodeMessage(bytes);
      }),
    );
  });
});

describe("contentOf()", () => {
  const message = (text: unknown, payload: Uint8Array): NodeMessage => ({
    kind: "message",
    sender,
    head: { text },
    payload,
  });

  it("gives text, or a copy of the bytes", () => {
    const bytes = Uint8Array.of(1, 2);
    const content = contentOf(message(false, bytes)) as Uint8Array;
    bytes[0] = 9;
    expect(content).toEqual(Uint8Array.of(1, 2));
    expect(contentOf(message(true, encodeUtf8("\ufeffü")))).toBe("\ufeffü");
  });

  it("gives nothing if a text is invalid", () => {
    expect(contentOf(message(true, Uint8Array.of(0xff)))).toBeUndefined();
  });
});

describe("textOf()", () => {
  it("gives a text, and nothing for bytes that are no text", () => {
    expect(["a", 1, null, undefined, { toString: 1 }].map(textOf)).toEqual(["a", "", "", "", ""]);
  });
});

describe("isWhole()", () => {
  it("accepts whole numbers from 0 on", () => {
    const values = [0, 1, 2 ** 53 - 1, -1, 1.5, 2 ** 53, NaN, "1", undefined];
    expect(values.map(isWhole)).toEqual([true, true, true, ...Array<boolean>(6).fill(false)]);
  });
});
