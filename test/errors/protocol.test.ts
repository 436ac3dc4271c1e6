import { describe, expect, it } from "vitest";
import { ProtocolError, type ViolationCode } from "../../src/errors/protocol.ts";

const violations: Record<ViolationCode, number> = {
  OPCODE_RESERVED: 1002,
  CONTROL_TOO_LONG: 1002,
  CONTROL_NOT_FINAL: 1002,
  RSV_NOT_ZERO: 1002,
  MASK_REQUIRED: 1002,
  MASK_UNEXPECTED: 1002,
  CONTINUATION_EXPECTED: 1002,
  CONTINUATION_UNEXPECTED: 1002,
  LENGTH_NOT_MINIMAL: 1002,
  LENGTH_SIGN_BIT: 1002,
  LENGTH_TOO_LARGE: 1009,
  CLOSE_BODY_TOO_SHORT: 1002,
  STATUS_NOT_IN_USE: 1002,
  STATUS_APPLICATION_LEVEL: 1002,
  STATUS_NO_MEANING: 1002,
  STATUS_UNKNOWN: 1002,
  INVALID_UTF8: 1007,
  RSV1_UNEXPECTED: 1002,
  INVALID_DEFLATE: 1007,
};

describe("ProtocolError", () => {
  it.each(Object.entries(violations) as [ViolationCode, number][])(
    "answers %s with %i",
    (code, status) => {
      const error = new ProtocolError(code);
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({ name: "ProtocolError", code, status });
      expect(error.message).toMatch(/^[A-Z].*[^.]$/);
    },
  );

  it("has a message of its own for each code", () => {
    const codes = Object.keys(violations) as ViolationCode[];
    const messages = codes.map((code) => new ProtocolError(code).message);
    expect(new Set(messages).size).toBe(codes.length);
  });

  it("keeps its cause", () => {
    const cause = new Error("bad");
    expect(new ProtocolError("INVALID_UTF8", { cause }).cause).toBe(cause);
    expect("cause" in new ProtocolError("INVALID_UTF8")).toBe(false);
  });
});
