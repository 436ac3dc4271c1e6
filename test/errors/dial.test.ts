import { describe, expect, it } from "vitest";
import { type DialCode, DialError } from "../../src/errors/dial.ts";
import { HandshakeError } from "../../src/errors/handshake.ts";

const dialCodes: Record<DialCode, true> = {
  MALFORMED_RESPONSE: true,
  BAD_PROTOCOL: true,
  BAD_STATUS: true,
  BAD_UPGRADE: true,
  BAD_CONNECTION: true,
  BAD_SEC_ACCEPT: true,
  BAD_SUBPROTOCOL: true,
  BAD_EXTENSIONS: true,
};

describe("DialError", () => {
  it.each(Object.keys(dialCodes) as DialCode[])("has defaults beside its code: %s", (code) => {
    const error = new DialError(code);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({ name: "DialError", code, status: 0, headers: [] });
    expect(error.body.length).toBe(0);
    expect(error.message).toMatch(/^[A-Z].*[^.]$/);
    expect("cause" in error).toBe(false);
  });

  it("has a message of its own for each code", () => {
    const codes = Object.keys(dialCodes) as DialCode[];
    expect(new Set(codes.map((code) => new DialError(code).message)).size).toBe(codes.length);
  });

  it("describes the response", () => {
    const headers = [["Retry-After", "1"]] as const;
    const options = { status: 503, headers, body: Uint8Array.of(1), cause: new Error("no") };
    const error = new DialError("BAD_STATUS", options);
    expect(error).toMatchObject(options);
    expect(error.message).toMatch(/: HTTP status 503$/);
    expect("cause" in new DialError("BAD_STATUS", { cause: undefined })).toBe(true);
  });
});
