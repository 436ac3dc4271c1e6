import { describe, expect, it } from "vitest";
import { HandshakeError, type HandshakeErrorOptions } from "../../../src/errors.ts";
import { rejectConnection } from "../../../src/handshake/server/reject.ts";

describe("rejectConnection()", () => {
  it("makes a refusal with 403 by default", () => {
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

  it.each([300, 403, 599])("accepts status %d", (status) => {
    expect(rejectConnection({ status }).status).toBe(status);
  });

  it.each([99, 101, 200, 299, 600, 70_000, 403.5, NaN, -403])(
    "throws a RangeError for status %d at the call",
    (status) => {
      const message = `status of a refusal must be an integer from 300 to 599: ${status}`;
      expect(() => rejectConnection({ status })).toThrow(new RangeError(message));
    },
  );

  it.each<[what: string, options: unknown]>([
    ["a status that is text", { status: "403" }],
    ["no status", { status: null }],
    ["a message that is no text", { message: new Error("no") }],
    ["a body that is neither text nor bytes", { body: { error: "no" } }],
    ["a header that breaks its line", { headers: [["A", "b\r\nC: d"]] }],
    ["a header that the server writes", { headers: [["Content-Length", "1"]] }],
  ])("throws a TypeError for %s", (_, options) => {
    expect(() => rejectConnection(options as HandshakeErrorOptions)).toThrow(TypeError);
  });
});
