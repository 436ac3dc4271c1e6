import { describe, expect, it } from "vitest";
import { newOwnCloseBody } from "../../src/endpoint/close-body.ts";
import { newCloseFrameBody } from "../../src/frame/close.ts";

describe("newOwnCloseBody()", () => {
  it.each([0, 1000, 1014, 3000, 4999])("accepts %i", (status) => {
    expect(newOwnCloseBody(status, "bye")).toEqual(newCloseFrameBody(status, "bye"));
  });

  it.each([1005, 1006, 1015, 1004, 999, 1016, 5000])("refuses %i", (status) => {
    expect(() => newOwnCloseBody(status, "")).toThrow(
      new RangeError(`status must be sendable: ${status}`),
    );
  });

  it.each([70_000, -1, 1000.5, NaN, "1000"])("refuses %s", (status) => {
    expect(() => newOwnCloseBody(status as number, "")).toThrow(RangeError);
  });
});
