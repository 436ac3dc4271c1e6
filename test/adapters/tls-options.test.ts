import { describe, expect, it } from "vitest";
import {
  checkedTls,
  clientTls,
  serverTls,
  type TlsTable,
  withCheckedTls,
} from "../../adapters/tls-options.ts";
import type { ConnectOptions, TlsOptions } from "../../src/transport.ts";

/** The tables of the runtimes:  test/runtime/wrong-options.test.ts. */

const table = clientTls(["ciphers"]);

describe("checkedTls()", () => {
  it.each<[TlsTable, TlsOptions, string]>([
    [table, { certs: "a" }, "Unknown TLS option certs: did you mean cert?"],
    [table, { Ciphers: "a" }, "Unknown TLS option Ciphers: did you mean ciphers?"],
    [table, { handshakeTimeout: 5 }, "Unknown TLS option handshakeTimeout"],
    [table, { serverName: 5 as never }, "serverName must be a string: 5 is a number"],
    [
      table,
      { rejectUnauthorized: 0 as never },
      "rejectUnauthorized must be true or false: 0 is a number",
    ],
    [serverTls([]), { ciphers: "a" }, "Unknown TLS option ciphers"],
    [
      serverTls([]),
      { handshakeTimeout: "5" },
      'handshakeTimeout must be a number of milliseconds: "5" is a string; write 5',
    ],
  ])("refuses a value of a wrong type %#", (known, options, message) => {
    expect(() => checkedTls(options, known)).toThrow(new TypeError(message));
  });

  it("gives the options as they are, with unknown ones among them", () => {
    const options = { ca: "a", ciphers: "b", certs: undefined };
    expect(checkedTls(options, table)).toBe(options);
    const further = { runtimeOptions: { certs: "c", ca: "d" } };
    expect(checkedTls({ ...options, ...further }, table)).toMatchObject({
      ca: "d",
      ciphers: "b",
      certs: "c",
    });
  });
});

describe("withCheckedTls()", () => {
  it("leaves options without TLS as they are", () => {
    const options: ConnectOptions = { hostname: "a", port: 1 };
    expect(withCheckedTls(options, table)).toBe(options);
  });

  it("checks TLS with the host, and with the proxy in front of it", () => {
    const further = { runtimeOptions: { later: true } };
    expect(withCheckedTls({ tls: further, tunnelTls: {} }, table)).toEqual({
      tls: { ...further, later: true },
      tunnelTls: {},
    });
    for (const wrong of [{ tls: { bogus: 1 } }, { tls: {}, tunnelTls: { bogus: 1 } }]) {
      expect(() => withCheckedTls(wrong, table)).toThrow(TypeError);
    }
  });
});
