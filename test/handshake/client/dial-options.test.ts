import { describe, expect, it } from "vitest";
import { checkOptions } from "../../../src/check-options.ts";
import { dialerTable, dialTable } from "../../../src/handshake/client/dial-options.ts";

describe("the options of a Dialer", () => {
  it("include all that a Dialer knows, and nothing else", () => {
    const options = { protocols: ["chat"], timeout: 5, tlsOptions: {} };
    expect(() => {
      checkOptions(options, dialerTable);
    }).not.toThrow();
    expect(() => {
      checkOptions({ ...options, protocol: "chat" }, dialerTable);
    }).toThrow(TypeError);
  });

  it("include a signal only for a single call", () => {
    const { signal } = new AbortController();
    expect(() => {
      checkOptions({ signal }, dialTable);
    }).not.toThrow();
    expect(() => {
      checkOptions({ signal }, dialerTable);
    }).toThrow(TypeError);
  });
});
