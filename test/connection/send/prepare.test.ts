import { describe, expect, it } from "vitest";
import { prepared, prepareMessage } from "../../../src/connection/send/prepare.ts";
import { OpBinary, OpText } from "../../../src/frame/opcode.ts";

describe("prepareMessage()", () => {
  it("takes text, and bytes of every kind, which it copies", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const made = [prepareMessage("é"), prepareMessage(bytes), prepareMessage(bytes.buffer)];
    bytes.fill(9);
    expect(made.map(({ opcode, bytes }) => [opcode, [...bytes]])).toEqual([
      [OpText, [0xc3, 0xa9]],
      [OpBinary, [1, 2, 3]],
      [OpBinary, [1, 2, 3]],
    ]);
  });

  it("allows compression unless told otherwise", () => {
    const made = [prepareMessage("a"), prepareMessage("a", { compress: false })];
    expect(made.map(({ compress }) => compress)).toEqual([true, false]);
  });

  it("refuses what is neither", () => {
    expect(() => prepareMessage([1] as never)).toThrow(
      new TypeError("data must be a string, an ArrayBuffer or a view on one: Array"),
    );
  });
});

describe("prepared()", () => {
  it("gives a prepared message as it is, and prepares anything else", () => {
    const message = prepareMessage("a", { compress: false });
    expect(prepared(message)).toBe(message);
    expect([...prepared("a").bytes]).toEqual([0x61]);
  });
});

describe("prepareMessage() of the bytes of a text", () => {
  it("makes a text of them, and checks it unless the bytes are trusted", () => {
    const bytes = Uint8Array.of(0xc3, 0xa9);
    const made = [true, "trusted", false].map((text) =>
      prepareMessage(bytes, { text: text as boolean | "trusted" }),
    );
    expect(made.map(({ opcode }) => opcode)).toEqual([OpText, OpText, OpBinary]);
    const wrong = Uint8Array.of(0xff);
    expect(() => prepareMessage(wrong, { text: true })).toThrow(
      new TypeError("data is not valid UTF-8: it cannot be sent as text"),
    );
    expect(prepareMessage(wrong, { text: "trusted" }).opcode).toBe(OpText);
    expect(() => prepareMessage("a", { text: false })).toThrow(
      new TypeError("A string is sent as text: give bytes to send binary"),
    );
    expect(prepareMessage("a", { text: true }).opcode).toBe(OpText);
  });
});
