import { describe, expect, it } from "vitest";
import { type BackplaneCode, BackplaneError } from "../../src/errors/backplane.ts";

const backplaneCodes: Record<BackplaneCode, true> = {
  DOWN: true,
  TIMEOUT: true,
  QUEUE_FULL: true,
  REFUSED: true,
  LEFT: true,
  ENVELOPE_VERSION: true,
};

describe("BackplaneError", () => {
  it.each(Object.keys(backplaneCodes) as BackplaneCode[])("has a message for %s", (code) => {
    const cause = new Error("ECONNREFUSED");
    const error = new BackplaneError(code, { cause });
    expect(error).toMatchObject({ name: "BackplaneError", code, cause });
    expect(error.message).toMatch(/^[A-Z].*[^.]$/);
    expect("cause" in new BackplaneError(code)).toBe(false);
  });
});
