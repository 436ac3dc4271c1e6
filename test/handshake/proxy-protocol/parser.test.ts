import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import { MaxBinarySize, ProxyHeaderParser } from "../../../src/handshake/proxy-protocol/parser.ts";
import type { Proxied } from "../../../src/handshake/proxy-protocol/proxied.ts";
import { binaryHeader, field, summedHeader } from "../../support/proxy-header.ts";

const behind = encodeUtf8("GET / HTTP/1.1\r\n");

/** Feeds a stream in pieces, and gives what the header says and what lies behind it. */
function parse(pieces: readonly Uint8Array[]): { proxied: Proxied; rest: Uint8Array } {
  const parser = new ProxyHeaderParser();
  const rest: Uint8Array[] = [];
  for (const piece of pieces) {
    const end = parser.feed(piece);
    if (end < piece.length) expect(parser.isComplete).toBe(true);
    rest.push(piece.subarray(end));
  }
  expect(parser.isComplete).toBe(true);
  return { proxied: parser.proxied, rest: concat(rest) };
}

const headers: [string, Uint8Array][] = [
  ["version 1", encodeUtf8("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n")],
  ["version 1 of 107 bytes", encodeUtf8(`PROXY UNKNOWN ${"f".repeat(91)}\r\n`)],
  ["version 2", binaryHeader()],
  ["version 2 without addresses", binaryHeader({ family: 0, addresses: new Uint8Array(0) })],
  ["version 2 with fields", summedHeader({ fields: [field(2, "example.org"), field(4, "abc")] })],
  [
    "version 2 of the largest size",
    binaryHeader({ fields: [field(4, new Uint8Array(MaxBinarySize - 15))] }),
  ],
];

describe("ProxyHeaderParser", () => {
  it.each(headers)("reads %s wherever the stream is cut, and nothing after it", (_, header) => {
    const wire = concat([header, behind]);
    const whole = parse([wire]);
    expect(whole.rest).toEqual(behind);
    for (let at = 0; at <= Math.min(wire.length, 300); at++) {
      expect(parse([wire.subarray(0, at), wire.subarray(at)])).toEqual(whole);
    }
    expect(parse(Array.from(wire, (byte) => Uint8Array.of(byte)))).toEqual(whole);
  });

  it("reads the same in any pieces", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...headers),
        fc.array(fc.nat(400), { maxLength: 8 }),
        (named, cuts) => {
          const wire = concat([named[1], behind]);
          const at = [0, ...cuts.map((cut) => Math.min(cut, wire.length)), wire.length].sort(
            (a, b) => a - b,
          );
          const pieces = at.slice(1).map((end, i) => wire.subarray(at[i]!, end));
          expect(parse(pieces)).toEqual(parse([wire]));
        },
      ),
      { seed: 2, numRuns: 200 },
    );
  });

  it("knows whether anything has come", () => {
    const parser = new ProxyHeaderParser();
    expect([parser.isEmpty, parser.isComplete]).toEqual([true, false]);
    expect(parser.feed(new Uint8Array(0))).toBe(0);
    expect(parser.isEmpty).toBe(true);
    parser.feed(encodeUtf8("P"));
    expect([parser.isEmpty, parser.isComplete]).toEqual([false, false]);
  });

  it.each<[string, Uint8Array, number]>([
    ["a request without a header", behind, 1],
    ["a TLS handshake", Uint8Array.of(0x16, 3, 1), 1],
    ["another word", encodeUtf8("PROXI TCP4"), 5],
    ["a line that is too long", encodeUtf8(`PROXY UNKNOWN ${"f".repeat(200)}`), 108],
    ["a line whose LF is the 108th byte", encodeUtf8(`PROXY UNKNOWN ${"f".repeat(92)}\r\n`), 108],
    ["a line that ends with LF", encodeUtf8("PROXY UNKNOWN\n"), 14],
    ["a CR in a line", encodeUtf8("PROXY UNKNOWN\rx"), 15],
    ["a line that cannot be read", encodeUtf8("PROXY TCP4 1 2 3 4\r\n"), 20],
    ["another signature", Uint8Array.of(13, 10, 13, 10, 1), 5],
    ["more than its limit", binaryHeader({ size: MaxBinarySize + 1 }), 16],
    ["what cannot be read", binaryHeader({ family: 0x99 }), 28],
    [
      "what cannot be read, without addresses",
      binaryHeader({ family: 0x99, addresses: new Uint8Array(0) }),
      16,
    ],
  ])("refuses %s, at its first wrong byte", (_, bytes, count) => {
    const error = expect.objectContaining({
      name: "HandshakeError",
      code: "BAD_PROXY_HEADER",
      status: 400,
    });
    expect(() => parse([bytes])).toThrow(error);
    const parser = new ProxyHeaderParser();
    parser.feed(bytes.subarray(0, count - 1));
    expect(() => parser.feed(bytes.subarray(count - 1, count))).toThrow(error);
  });

  it("accepts or refuses any bytes, and throws nothing else", () => {
    const start = fc.constantFrom(encodeUtf8("PROXY "), binaryHeader().subarray(0, 12));
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 300 }), (first, more) => {
        const parser = new ProxyHeaderParser();
        try {
          parser.feed(concat([first, more]));
        } catch (error) {
          expect(error).toMatchObject({ code: "BAD_PROXY_HEADER" });
        }
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});
