import { describe, expect, it } from "vitest";
import { directionOf, type Position } from "../../../src/connection/backplane/history.ts";

const at = (offset: unknown, epoch = "e"): Position => ({ epoch, offset }) as Position;

describe("directionOf()", () => {
  it.each([
    ["2", "1", "later"],
    ["10", "9", "later"],
    ["1", "1", "same or earlier"],
    ["0", "1", "same or earlier"],
    ["01", "1", "same or earlier"],
    ["5-2", "5-1", "later"],
    ["5-10", "5-9", "later"],
    ["5-1", "5", "later"],
    ["5", "5-0", "same or earlier"],
    ["6-0", "5-9", "later"],
    ["18446744073709551615-1", "18446744073709551614-2", "later"],
  ])("sees %s from %s as %s", (one, other, direction) => {
    expect(directionOf(at(one), at(other))).toBe(direction);
  });

  it("gives nothing for another epoch, and for a place that is not valid", () => {
    expect(directionOf(at("2", "f"), at("1"))).toBe("elsewhere");
    for (const offset of [
      "",
      "x",
      "-1",
      "1-",
      "1.5",
      "9".repeat(21),
      "1-2-3",
      5,
      null,
      undefined,
    ]) {
      expect(directionOf(at(offset), at("1"))).toBe("elsewhere");
      expect(directionOf(at("1"), at(offset))).toBe("elsewhere");
    }
  });
});
