import { describe, expect, it } from "vitest";
import { errorOf, NodesError } from "../../src/nodes/errors.ts";

describe("NodesError", () => {
  it("says what was wrong, and with what", () => {
    const cause = new Error("behind");
    const error = new NodesError("GONE", "0f", { cause });
    expect([error.name, error.code, error.cause]).toEqual(["NodesError", "GONE", cause]);
    expect(error.message).toBe(
      "Node is not known, or has left: nodes.list() tells who is there: 0f",
    );
    expect(new NodesError("LEFT").message).toBe("Server is shut down");
  });
});

describe("errorOf()", () => {
  it("takes a code that it knows, and FAILED for whatever else another node says", () => {
    const codes = ["BUSY", "TIMEOUT", "toString", 7, undefined].map((code) => errorOf(code).code);
    expect(codes).toEqual(["BUSY", "TIMEOUT", "FAILED", "FAILED", "FAILED"]);
  });
});
