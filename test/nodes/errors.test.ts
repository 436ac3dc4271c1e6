import { describe, expect, it } from "vitest";
import { errorOf, NodesError } from "../../src/nodes/errors.ts";

describe("NodesError", () => {
  it("says what was wrong, and with what", () => {
    const cause = new Error("behind");
    const error = new NodesError("GONE", "0f", { cause });
    expect([error.name, error.code, error.cause]).toEqual(["NodesError", "GONE", cause]);
    expect(error.message).toBe(
      "No node has this id, or it has left; nodes.list() has those that are there: 0f",
    );
    expect(new NodesError("LEFT").message).toBe("Server of these nodes is shut down");
  });
});

describe("errorOf()", () => {
  it("takes a code that it knows, and FAILED for whatever else another node says", () => {
    const codes = ["BUSY", "TIMEOUT", "toString", 7, undefined].map(
      (code) => errorOf(code, "0f").code,
    );
    expect(codes).toEqual(["BUSY", "TIMEOUT", "FAILED", "FAILED", "FAILED"]);
    expect(errorOf("TIMEOUT", "0f").message).toMatch(/: 0f$/);
  });
});
