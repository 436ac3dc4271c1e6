import { describe, expect, it } from "vitest";
import { plainProxied } from "../../../src/handshake/proxy-protocol/proxied.ts";

describe("plainProxied()", () => {
  it("has a field for all that a header may say, and sets only the addresses", () => {
    const source = { address: "192.0.2.7", port: 4711 };
    expect(plainProxied(1, source)).toEqual({
      version: 1,
      source,
      destination: undefined,
      alpn: undefined,
      authority: undefined,
      uniqueId: undefined,
      tls: undefined,
      namespace: undefined,
      fields: [],
    });
  });
});
