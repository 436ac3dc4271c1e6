import { describe, expect, it } from "vitest";
import { ClosedError } from "../../src/errors/closed.ts";
import { ProtocolError } from "../../src/errors/protocol.ts";

describe("ClosedError", () => {
  it("says how the connection ended", () => {
    const closure = { status: 1001, reason: "bye", clean: true, initiator: "peer" } as const;
    const error = new ClosedError(closure);
    expect(error).toMatchObject({ name: "ClosedError", code: "CLOSED", ...closure });
    expect(error.message).toBe("Connection is closed: 1001 bye");
    expect("cause" in error).toBe(false);
  });

  it("has the error that ended it as its cause", () => {
    const cause = new ProtocolError("INVALID_UTF8");
    const closure = { status: 1006, reason: "", clean: false, initiator: "peer" } as const;
    const error = new ClosedError({ ...closure, error: cause });
    expect(error.message).toBe("Connection is closed: 1006");
    expect(error.cause).toBe(cause);
  });
});
