import { expect, it } from "vitest";
import { callAtOnce } from "../../src/connection/in-context.ts";

it("callAtOnce() calls, and throws what the task throws", () => {
  let calls = 0;
  callAtOnce(() => calls++);
  expect(calls).toBe(1);
  expect(() => {
    callAtOnce(() => {
      throw new Error("thrown");
    });
  }).toThrow("thrown");
});
