import { describe, expect, it } from "vitest";
import { type TransportCode, TransportError, connectionLost } from "../../src/errors/transport.ts";

describe("TransportError", () => {
  it.each<TransportCode>([
    "RESET",
    "UNEXPECTED_END",
    "ADDRESS_IN_USE",
    "ACCESS_DENIED",
    "REFUSED",
    "NOT_FOUND",
    "TLS_FAILED",
    "PROXY_FAILED",
    "NO_EXTENDED_CONNECT",
    "FAILED",
  ])("keeps the runtime's error as the cause of %s", (code) => {
    const cause = new Error("ECONNRESET");
    const error = new TransportError(code, { cause });
    expect(error).toMatchObject({ name: "TransportError", code, cause });
    expect(error.message).toMatch(/^[A-Z].*[^.]$/);
  });
});

describe("connectionLost()", () => {
  it("distinguishes a reset, with the runtime's error, from an early end", () => {
    const cause = new Error("ECONNRESET");
    expect(connectionLost(cause)).toMatchObject({ name: "TransportError", code: "RESET", cause });
    expect(connectionLost(undefined)).toMatchObject({ code: "UNEXPECTED_END", cause: undefined });
  });

  it("captures no stack, and the next error has one", () => {
    expect(connectionLost(undefined).stack ?? "").not.toContain("transport.test.ts");
    expect(new Error("next").stack).toContain("transport.test.ts");
  });
});
