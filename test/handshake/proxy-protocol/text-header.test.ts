import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTextHeader } from "../../../src/handshake/proxy-protocol/text-header.ts";

/** What a line says, in short. */
function shown(line: string): string {
  const proxied = parseTextHeader(line);
  if (proxied === undefined) return "malformed";
  expect(proxied).toMatchObject({ version: 1, tls: undefined, fields: [] });
  const { source, destination } = proxied;
  if (source === undefined) return "unknown";
  return `${source.address} ${source.port} ${destination!.address} ${destination!.port}`;
}

describe("parseTextHeader()", () => {
  it.each([
    ["PROXY TCP4 192.168.0.1 192.168.0.11 56324 443", "192.168.0.1 56324 192.168.0.11 443"],
    [
      "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535",
      "255.255.255.255 65535 255.255.255.255 65535",
    ],
    ["PROXY TCP4 0.0.0.0 0.0.0.0 0 0", "0.0.0.0 0 0.0.0.0 0"],
    ["PROXY TCP6 2001:DB8::1 ::1 1 2", "2001:db8::1 1 ::1 2"],
    ["PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2", "192.0.2.1 1 ::1 2"],
    ["PROXY UNKNOWN", "unknown"],
    ["PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535", "unknown"],
  ])("reads %s", (line, expected) => {
    expect(shown(line)).toBe(expected);
  });

  it.each([
    "",
    "PROXY",
    "PROXY ",
    "proxy TCP4 192.0.2.1 192.0.2.2 1 2",
    "PROXY TCP5 192.0.2.1 192.0.2.2 1 2",
    "PROXY toString 192.0.2.1 192.0.2.2 1 2",
    "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2",
    "PROXY TCP4 192.0.2.1 192.0.2.2 1",
    "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 ",
    "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3",
    "PROXY TCP4 192.0.2.1 192.0.2.2 01 2",
    "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536",
    "PROXY TCP4 192.0.2.1 192.0.2.2 1 -2",
    "PROXY TCP4 192.0.2.1 192.0.2.2 1 ",
    "PROXY TCP4 192.0.2 192.0.2.2 1 2",
    "PROXY TCP4 192.0.2.1 192.0.2.256 1 2",
    "PROXY TCP4 ::1 ::1 1 2",
    "PROXY TCP6 192.0.2.1 192.0.2.2 1 2",
    "PROXY TCP6 [::1] ::1 1 2",
    "PROXY UNKNOWNS",
  ])("refuses %j", (line) => {
    expect(shown(line)).toBe("malformed");
  });

  it("reads what is written of any addresses and ports", () => {
    const port = fc.integer({ min: 0, max: 65_535 });
    fc.assert(
      fc.property(fc.ipV4(), fc.ipV4(), port, port, (from, to, fromPort, toPort) => {
        expect(shown(`PROXY TCP4 ${from} ${to} ${fromPort} ${toPort}`)).toBe(
          `${from} ${fromPort} ${to} ${toPort}`,
        );
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});
