import { describe, expect, it } from "vitest";
import { type LimitCode, LimitError } from "../../src/errors/limit.ts";

const limits: Record<LimitCode, number> = {
  FRAME_TOO_BIG: 1009,
  MESSAGE_TOO_BIG: 1009,
  TOO_MANY_FRAGMENTS: 1008,
  HEAD_TOO_LARGE: 431,
  TARGET_TOO_LONG: 414,
  TOO_MANY_HEADERS: 431,
  BODY_TOO_LARGE: 413,
  TOO_MUCH_BUFFERED: 1008,
  TOO_MANY_CONNECTIONS: 503,
  TOO_MANY_OF_ADDRESS: 429,
  TOO_MANY_HANDSHAKES: 429,
  TOO_MANY_MESSAGES: 1008,
  TOO_MANY_TOPICS: 1008,
};

describe("LimitError", () => {
  it.each(Object.entries(limits) as [LimitCode, number][])("answers %s with %i", (code, status) => {
    const error = new LimitError(code, 10, 11);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "LimitError", code, status, limit: 10, actual: 11 });
    expect(error.message).toMatch(/^[A-Z].*: 11 > 10$/);
  });
});
