import { describe, expect, it } from "vitest";
import { isHopeless, refusalIn } from "../../../adapters/nats/client.ts";

/** What the clients really tell is in test/runtime/nats.test.ts. */

describe("refusalIn()", () => {
  const refusal = { operation: "publish", subject: "tea" };

  it.each<[string, object]>([
    ["nats.js 2", { data: "PERMISSIONS_VIOLATION", permissionContext: refusal }],
    ["nats.js 3", { error: Object.assign(new Error("no"), refusal) }],
  ])("finds a refusal as %s reports it", (_, status) => {
    expect(refusalIn({ type: "error", ...status })).toEqual(refusal);
  });

  it.each<object>([{}, { data: "STALE_CONNECTION" }, { error: new Error("no") }])(
    "finds no refusal in other errors: %o",
    (status) => {
      expect(refusalIn({ type: "error", ...status })).toBeUndefined();
    },
  );
});

describe("isHopeless()", () => {
  it.each<[object, boolean]>([
    [{ code: "AUTHORIZATION_VIOLATION" }, true],
    [{ name: "AuthorizationError" }, true],
    [{ code: "CONNECTION_REFUSED" }, false],
    [{ name: "ConnectionError" }, false],
  ])("says of %o: %s", (error, expected) => {
    expect(isHopeless(error)).toBe(expected);
  });
});
