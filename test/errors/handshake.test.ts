import { describe, expect, it } from "vitest";
import { type HandshakeCode, HandshakeError } from "../../src/errors/handshake.ts";

const refusals: Record<HandshakeCode, number> = {
  MALFORMED_REQUEST: 400,
  MALFORMED_RESPONSE: 502,
  BAD_PROTOCOL: 505,
  BAD_METHOD: 405,
  BAD_HOST: 400,
  BAD_ORIGIN: 403,
  BAD_FORWARDED: 400,
  BAD_PROXY_HEADER: 400,
  BAD_BODY: 400,
  BAD_UPGRADE: 400,
  BAD_CONNECTION: 400,
  BAD_SEC_KEY: 400,
  BAD_SEC_VERSION: 400,
  BAD_SUBPROTOCOL: 400,
  UPGRADE_REQUIRED: 426,
  REJECTED: 403,
  INTERNAL: 500,
};

describe("HandshakeError", () => {
  it.each(Object.entries(refusals) as [HandshakeCode, number][])(
    "answers %s with %i",
    (code, status) => {
      const error = new HandshakeError(code);
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({ name: "HandshakeError", code, status, headers: [] });
      expect(error.body).toBeUndefined();
      expect(error.message).toMatch(/^[A-Z].*[^.]$/);
      expect("cause" in error).toBe(false);
    },
  );

  it("takes message, status, headers, body and cause", () => {
    const cause = new Error("no");
    const headers = [["Retry-After", "1"]] as const;
    const options = { message: "Full", status: 503, headers, body: "later", cause };
    expect(new HandshakeError("REJECTED", options)).toMatchObject({ code: "REJECTED", ...options });
  });

  it("keeps a cause of undefined", () => {
    expect("cause" in new HandshakeError("INTERNAL", { cause: undefined })).toBe(true);
  });
});
