import { describe, expect, it } from "vitest";
import { callSafely } from "../../src/connection/call-safely.ts";
import { macrotask } from "../support/turns.ts";

describe("callSafely()", () => {
  it("reports what a handler throws, or rejects with, and nothing otherwise", async () => {
    const errors: unknown[] = [];
    const fail = (error: unknown): void => void errors.push(error);
    callSafely(() => 1, fail);
    callSafely(() => Promise.resolve(2), fail);
    callSafely(() => {
      throw new Error("thrown");
    }, fail);
    callSafely(() => Promise.reject(new Error("rejected")), fail);
    await macrotask();
    expect(errors.map(String)).toEqual(["Error: thrown", "Error: rejected"]);
  });
});
