import { describe, expect, it } from "vitest";
import { toTransportError } from "../../adapters/transport-error.ts";
import { TransportError } from "../../src/errors.ts";

/** What Workers say. */
const unreachable = "proxy request failed, cannot connect to the specified address";

describe("toTransportError()", () => {
  it.each([
    [{ code: "EADDRINUSE" }, "ADDRESS_IN_USE"],
    [{ name: "AddrInUse" }, "ADDRESS_IN_USE"],
    [{ code: "EACCES" }, "ACCESS_DENIED"],
    [{ code: "EPERM" }, "ACCESS_DENIED"],
    [{ code: "ERR_ACCESS_DENIED" }, "ACCESS_DENIED"],
    [{ name: "PermissionDenied" }, "ACCESS_DENIED"],
    [{ name: "NotCapable" }, "ACCESS_DENIED"],
    [{ code: "ECONNREFUSED" }, "REFUSED"],
    [{ name: "ConnectionRefused" }, "REFUSED"],
    [{ code: "ENOTFOUND", syscall: "getaddrinfo" }, "NOT_FOUND"],
    [{ code: "EAI_AGAIN", syscall: "getaddrinfo" }, "NOT_FOUND"],
    [{ message: "failed to lookup address information: Name or service not known" }, "NOT_FOUND"],
    [{ message: "No such host is known. (os error 11001)" }, "NOT_FOUND"],
    [{ message: "No resolved address found" }, "NOT_FOUND"],
    [{ name: "InvalidData" }, "TLS_FAILED"],
    [{ code: "ERR_OSSL_PEM_NO_START_LINE" }, "TLS_FAILED"],
    [{ code: "ERR_BORINGSSL" }, "TLS_FAILED"],
    [{ code: "ECONNRESET" }, "RESET"],
    [{ name: "ConnectionReset" }, "RESET"],
    [{ code: "EADDRNOTAVAIL" }, "FAILED"],
    [{ message: "Network connection lost." }, "RESET"],
    [{ message: `${unreachable}` }, "REFUSED"],
    [{ message: `jsg.Error: ${unreachable}. It looks like you might` }, "REFUSED"],
    [{ code: "ETIMEDOUT", syscall: "connect" }, "FAILED"],
    [{}, "FAILED"],
  ])("reads %o as %s and keeps it as the cause", (fields, code) => {
    const cause = Object.assign(new Error("runtime"), fields);
    const error = toTransportError(cause);
    expect(error).toMatchObject({ name: "TransportError", code });
    expect(error.cause).toBe(cause);
  });

  it("gives an unknown error the code that it is told to", () => {
    const cause = Object.assign(new Error("reset"), { code: "ECONNRESET" });
    expect(toTransportError(cause, "TLS_FAILED")).toMatchObject({ code: "TLS_FAILED", cause });
    const unclear = new Error(unreachable);
    expect(toTransportError(unclear, "TLS_FAILED")).toMatchObject({ code: "TLS_FAILED" });
    const known = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    expect(toTransportError(known, "TLS_FAILED")).toMatchObject({ code: "REFUSED" });
  });

  it("names the address if the code is about an address", () => {
    const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED" });
    const messageAt = (place: object): string => toTransportError(refused, "FAILED", place).message;
    expect(messageAt({ hostname: "::1", port: 80 })).toBe("Connection refused: [::1]:80");
    expect(messageAt({ hostname: "localhost", port: 80 })).toBe("Connection refused: localhost:80");
    expect(messageAt({ hostname: "", port: 0, path: "/run/a" })).toBe("Connection refused: /run/a");
    const place = { hostname: "a", port: 80 };
    expect(toTransportError(new Error("odd"), "FAILED", place).message).toBe("Transport failed");
  });

  it("leaves a TransportError as it is", () => {
    const error = new TransportError("TLS_FAILED");
    expect(toTransportError(error)).toBe(error);
  });
});
