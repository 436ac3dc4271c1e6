import { describe, expect, it } from "vitest";
import { isReserved } from "../../../src/connection/backplane/reserved.ts";

describe("isReserved()", () => {
  it("recognizes topics on which servers talk to each other by their beginning", () => {
    expect(["$framewire:nodes", "$framewire:", "$framewire", "news", ""].map(isReserved)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
