import { describe, expect, it } from "vitest";
import { tellHookFailure } from "../../../src/connection/server/hook-failure.ts";
import { HandshakeError, LimitError, TimeoutError } from "../../../src/errors.ts";
import { abandon, UpgradeRequest } from "../../../src/handshake/server/upgrade-request.ts";
import { HeadParser } from "../../../src/http/parser.ts";
import { upgradeRequest } from "../../support/peer.ts";

function newRequest(): UpgradeRequest {
  const parser = new HeadParser("request");
  parser.feed(upgradeRequest());
  return new UpgradeRequest(parser.head);
}

/** Gives what is told of an error. */
function toldOf(error: unknown, request = newRequest()): unknown[] {
  const told: unknown[] = [];
  const owner = { hookFailed: (...given: unknown[]) => void told.push(...given) };
  tellHookFailure(owner, error, "upgrade", request);
  return told;
}

describe("tellHookFailure()", () => {
  it("reports what the application has thrown, with the hook and its request", () => {
    const request = newRequest();
    const error = new Error("of the application");
    expect(toldOf(error, request)).toEqual([error, "upgrade", request]);
    for (const thrown of [undefined, null, 1, "text"]) expect(toldOf(thrown)[0]).toBe(thrown);
  });

  it("reports the cause of a failure that the library has answered with 500 or 503", () => {
    const cause = new TimeoutError("HANDSHAKE_TIMEOUT", 1000);
    expect(toldOf(new HandshakeError("INTERNAL", { status: 503, cause }))[0]).toBe(cause);
    const refusal = new HandshakeError("REJECTED", { status: 403 });
    expect(toldOf(new HandshakeError("INTERNAL", { cause: refusal }))).toEqual([]);
  });

  it.each([
    ["a refusal", new HandshakeError("REJECTED", { status: 403 })],
    ["a refusal that has a cause", new HandshakeError("BAD_ORIGIN", { cause: new Error("no") })],
    ["a failure without a cause", new HandshakeError("INTERNAL")],
    ["a body that is too large", new LimitError("BODY_TOO_LARGE", 1, 2)],
    ["a call that was aborted", new DOMException("Aborted", "AbortError")],
  ])("does not report %s", (_, error) => {
    expect(toldOf(error)).toEqual([]);
  });

  it("does not report the reason for which the request was abandoned, but every other error", () => {
    const request = newRequest();
    const reason = new Error("gone");
    abandon(request, reason);
    expect(toldOf(reason, request)).toEqual([]);
    const other = new Error("gone");
    expect(toldOf(other, request)[0]).toBe(other);
  });
});
