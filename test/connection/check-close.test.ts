import { describe, expect, it } from "vitest";
import { checkClose } from "../../src/connection/check-close.ts";
import { StatusGoingAway, StatusNoStatusRcvd } from "../../src/status.ts";

const longest = "ü".repeat(61) + "x";

describe("checkClose()", () => {
  it.each([
    [1000, "", undefined],
    [StatusGoingAway, longest, 0],
    [4999, "bye", Infinity],
  ])("accepts %i, %j and %s ms", (status, reason, deadline) => {
    expect(() => {
      checkClose(status, reason, deadline);
    }).not.toThrow();
  });

  it.each([
    [StatusNoStatusRcvd, "", undefined, RangeError, "Status code may not be sent: 1005"],
    [999, "", undefined, RangeError, "Status code may not be sent: 999"],
    [NaN, "", undefined, RangeError, "Status code may not be sent: NaN"],
    ["1000", "", undefined, RangeError, "Status code may not be sent: 1000"],
    [1000, 7, undefined, TypeError, "Reason must be a string: 7"],
    [1000, `${longest}x`, undefined, RangeError, "Reason must have at most 123 bytes: 124"],
    [1000, "", NaN, RangeError, "deadline must be milliseconds from 0 on, or Infinity: NaN"],
    [1000, "", -1, RangeError, "deadline must be milliseconds from 0 on, or Infinity: -1"],
    [1000, "", "1", TypeError, "deadline must be a number of milliseconds: 1"],
  ])("refuses %s, %j and %s ms", (status, reason, deadline, kind, message) => {
    expect(() => {
      checkClose(status as never, reason as never, deadline as never);
    }).toThrow(new kind(message));
  });
});
