import { describe, expect, it } from "vitest";
import {
  isControl,
  isData,
  isReserved,
  OpBinary,
  OpClose,
  OpContinuation,
  OpPing,
  OpPong,
  OpText,
} from "../../src/frame/opcode.ts";

const opcodes = Array.from({ length: 16 }, (_, opcode) => opcode);

describe("the opcodes", () => {
  it("have the numbers of RFC 6455, 11.8", () => {
    const numbers = [OpContinuation, OpText, OpBinary, OpClose, OpPing, OpPong];
    expect(numbers).toEqual([0x0, 0x1, 0x2, 0x8, 0x9, 0xa]);
  });
});

describe("isControl()", () => {
  it("accepts 0x8 to 0xF", () => {
    expect(opcodes.filter(isControl)).toEqual([0x8, 0x9, 0xa, 0xb, 0xc, 0xd, 0xe, 0xf]);
  });
});

describe("isData()", () => {
  it("accepts 0x0 to 0x7", () => {
    expect(opcodes.filter(isData)).toEqual([0x0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7]);
  });
});

describe("isReserved()", () => {
  it("accepts 0x3 to 0x7 and 0xB to 0xF", () => {
    const reserved = [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf];
    expect(opcodes.filter(isReserved)).toEqual(reserved);
  });
});
