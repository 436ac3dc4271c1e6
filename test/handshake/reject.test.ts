import { describe, expect, it } from "vitest";
import { HandshakeError } from "../../src/errors.ts";
import { rejectConnection } from "../../src/handshake/reject.ts";

describe("rejectConnection()", () => {
  it("makes a refusal with 403 where nothing is said", () => {
    const error = rejectConnection();
    expect(error).toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({
      code: "REJECTED",
      status: 403,
      message: "Connection rejected",
      headers: [],
    });
  });

  it("takes status, message, headers, body and cause", () => {
    const options = {
      status: 401,
      message: "Who are you?",
      headers: [["WWW-Authenticate", "Basic"]],
      body: "no",
      cause: new Error("expired"),
    } as const;
    expect(rejectConnection(options)).toMatchObject({ code: "REJECTED", ...options });
  });
});
