import { describe, expect, it } from "vitest";
import { toListenError } from "../../adapters/listen-error.ts";

describe("toListenError()", () => {
  it.each([
    [{ code: "EADDRINUSE" }, "ADDRESS_IN_USE"],
    [{ name: "AddrInUse" }, "ADDRESS_IN_USE"],
    [{ code: "EACCES" }, "ACCESS_DENIED"],
    [{ name: "PermissionDenied" }, "ACCESS_DENIED"],
    [{ name: "NotCapable" }, "ACCESS_DENIED"],
    [{ code: "EADDRNOTAVAIL" }, "FAILED"],
    [{}, "FAILED"],
  ])("reads %o as %s and keeps it as the cause", (fields, code) => {
    const cause = Object.assign(new Error("listen"), fields);
    const error = toListenError(cause);
    expect(error).toMatchObject({ name: "TransportError", code });
    expect(error.cause).toBe(cause);
  });
});
