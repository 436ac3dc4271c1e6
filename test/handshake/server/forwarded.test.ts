import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkKind } from "../../../src/check-options.ts";
import {
  allProxyHeaders,
  type ProxyHeader,
  proxyHeadersKind,
  readForwarded,
  readXForwarded,
} from "../../../src/handshake/server/forwarded.ts";
import { trustOf, type TrustedProxies } from "../../../src/handshake/server/trusted-proxies.ts";
import type { Head } from "../../../src/http/head.ts";
import { HeadParser } from "../../../src/http/parser.ts";
import { parseAddress, unmapped, writeAddress } from "../../../src/ip-address.ts";

function headOf(lines: readonly string[]): Head {
  const parser = new HeadParser("request");
  const all = ["Host: inner:8080", ...lines].map((line) => `${line}\r\n`).join("");
  parser.feed(Uint8Array.from(`GET / HTTP/1.1\r\n${all}\r\n`, (char) => char.charCodeAt(0)));
  return parser.head;
}

/** What is read, in short: address, port, "tls" or "clear", host; "?" for what is not told, "-" for what is hidden. */
function shown(hop: ReturnType<typeof readForwarded>): string {
  if (hop === undefined) return "nothing";
  const { node, encrypted, host = "?" } = hop;
  const tls = encrypted === undefined ? "?" : encrypted ? "tls" : "clear";
  const place = node === undefined ? "? ?" : `${node.address ?? "-"} ${node.port ?? "-"}`;
  return `${place} ${tls} ${host}`;
}

function forwarded(trust: TrustedProxies, ...values: string[]): string {
  return shown(readForwarded(headOf(values.map((value) => `Forwarded: ${value}`)), trustOf(trust)));
}

function xForwarded(
  trust: TrustedProxies,
  lines: readonly string[],
  names: readonly ProxyHeader[] = allProxyHeaders,
): string {
  return shown(readXForwarded(headOf(lines), trustOf(trust), names));
}

const refused = { name: "HandshakeError", code: "BAD_FORWARDED", status: 400 };

describe("readForwarded()", () => {
  it.each<[string, TrustedProxies, string[]]>([
    ["nothing", 9, []],
    ["192.0.2.60 - clear ?", 1, ["for=192.0.2.60;proto=http;by=203.0.113.43"]],
    ["2001:db8:cafe::17 4711 ? ?", 1, ['For="[2001:db8:cafe::17]:4711"']],
    ["192.0.2.43 - ? ?", 9, ["for=192.0.2.43, for=198.51.100.17"]],
    ["198.51.100.17 - ? ?", 1, ["for=192.0.2.43, for=198.51.100.17"]],
    ["192.0.2.43 - tls a.example:8443", 1, ['FOR=192.0.2.43;Proto=HTTPS;HOST="a.example:8443"']],
    ["192.0.2.43 - tls [::1]", 1, ['for=192.0.2.43;proto=wss;host="[::1]"']],
    ["- - ? ?", 1, ["for=unknown"]],
    ["- - ? ?", 1, ["for=_hidden"]],
    ["- 80 ? ?", 1, ['for="_SEVKISEK:80"']],
    ["192.0.2.1 - ? ?", 1, ['for="192.0.2.1:_port"']],
    ["192.0.2.1 80 ? ?", 1, ['for="192.0.2.1:80"']],
    ["192.0.2.1 - ? ?", 1, ['for="\\1\\92.0.2.1"']],
    ["192.0.2.1 - ? ?", 1, ['for="[::ffff:192.0.2.1]"']],
    ["? ? tls ?", 1, ["proto=https"]],
    ["? ? ? ?", 1, ["by=192.0.2.1"]],
    // Several lines are one list.
    ["192.0.2.1 - ? ?", 2, ["for=192.0.2.1", "for=192.0.2.2"]],
    // Empty elements and pairs, and blanks.
    ["192.0.2.1 - tls ?", 1, [", for=192.0.2.1 ; ;proto=https; ,, "]],
    ["192.0.2.1 - ? ?", 1, ['for=192.0.2.1;x="a, for=6.6.6.6"']],
    ["192.0.2.1 - ? ?", 1, ['for=192.0.2.1;x=""']],
    // As far as those are trusted who wrote it; further to the left stands what a stranger has sent.
    ["192.0.2.1 - ? ?", ["10.0.0.0/8"], ["for=6.6.6.6, for=192.0.2.1, for=10.1.1.1"]],
    ["192.0.2.1 - clear ?", ["10.0.0.0/8"], ["for=192.0.2.1;proto=http, for=10.1.1.1;proto=https"]],
    ["10.1.1.2 - ? ?", ["10.0.0.0/8"], ["for=10.1.1.2, for=10.1.1.1"]],
    ["- - ? ?", ["10.0.0.0/8"], ["for=192.0.2.1, for=unknown"]],
    ["? ? ? ?", ["10.0.0.0/8"], ["for=192.0.2.1, by=10.0.0.1"]],
    // A stranger's line is not looked at.
    ["192.0.2.1 - ? ?", ["10.0.0.0/8"], ['for="', "for=192.0.2.1"]],
    ["192.0.2.1 - ? ?", ["10.0.0.0/8"], ["for=nonsense, for=192.0.2.1"]],
  ])("reads %s, trusting %j, of %j", (expected, trust, values) => {
    expect(forwarded(trust, ...values)).toBe(expected);
  });

  it.each([
    "",
    ",",
    "for",
    "for=",
    "=192.0.2.1",
    "for=192.0.2.256",
    "for=2001:db8::1",
    'for="2001:db8::1"',
    "for=[2001:db8::1]",
    'for="[192.0.2.1]"',
    'for="[2001:db8::1"',
    'for="[]"',
    'for=""',
    "for=192.0.2.1:80",
    'for="192.0.2.1:"',
    'for="192.0.2.1:0"',
    'for="192.0.2.1:65536"',
    'for="192.0.2.1:123456"',
    'for="192.0.2.1:80:80"',
    "for=example.org",
    "for=_",
    'for="_a b"',
    "for =192.0.2.1",
    "for= 192.0.2.1",
    "for=192.0.2.1 proto=http",
    "for=192.0.2.1;for=192.0.2.2",
    "for=192.0.2.1;FOR=192.0.2.1",
    "for=192.0.2.1;proto=ftp",
    "for=192.0.2.1;proto=toString",
    'for=192.0.2.1;host=""',
    'for=192.0.2.1;host="a b"',
    'for=192.0.2.1;host="a:99999"',
    'for="192.0.2.1',
    'for="192.0.2.1\\',
    'for="192.0.2.1"x',
    // What a client has left open swallows no element of a proxy.
    'for=6.6.6.6;x=", for=192.0.2.1',
    'for=6.6.6.6;x=", for="[2001:db8::1]"',
    'for=6.6.6.6;x=", for=192.0.2.1;y="z"',
  ])("refuses %j of a trusted proxy", (value) => {
    expect(() => forwarded(1, value)).toThrow(expect.objectContaining(refused));
  });

  it("gives back whatever is written by the grammar, quoted or not", () => {
    const address = fc.oneof(
      fc.ipV4().map((text) => ({ text, written: text })),
      fc.ipV6().map((text) => ({ text, written: `[${text}]` })),
    );
    fc.assert(
      fc.property(fc.array(address, { minLength: 1, maxLength: 5 }), fc.nat(4), (all, hops) => {
        const value = all.map(({ written }) => `for="${written}"`).join(", ");
        const { text } = all[Math.max(0, all.length - Math.max(1, hops))]!;
        const hop = readForwarded(headOf([`Forwarded: ${value}`]), trustOf(hops));
        expect(hop!.node!.address).toBe(writeAddress(unmapped(parseAddress(text)!)));
      }),
      { seed: 7239 },
    );
  });

  it("accepts or refuses any bytes, and throws nothing else", () => {
    const bytes = fc.array(
      fc.oneof(
        fc.constantFrom(...'for=host;,"\\_[]:. '),
        fc.integer({ min: 0x21, max: 0xff }).map((byte) => String.fromCharCode(byte)),
      ),
    );
    fc.assert(
      fc.property(bytes, (chars) => {
        const value = chars.filter((char) => char !== "\x7f").join("");
        try {
          forwarded(1, value);
        } catch (error) {
          expect(error).toMatchObject(refused);
        }
      }),
      { seed: 7239, numRuns: 500 },
    );
  });
});

describe("readXForwarded()", () => {
  it.each<[string, TrustedProxies, string[]]>([
    ["nothing", 9, []],
    ["192.0.2.1 - ? ?", 1, ["X-Forwarded-For: 192.0.2.1"]],
    ["192.0.2.1 4711 ? ?", 1, ["X-Forwarded-For: 192.0.2.1:4711"]],
    ["2001:db8::1 - ? ?", 1, ["X-Forwarded-For: 2001:DB8::1"]],
    ["2001:db8::1 - ? ?", 1, ["X-Forwarded-For: [2001:db8::1]"]],
    ["2001:db8::1 4711 ? ?", 1, ["X-Forwarded-For: [2001:db8::1]:4711"]],
    ["192.0.2.1 - ? ?", 1, ["X-Forwarded-For: ::ffff:192.0.2.1"]],
    ["- - ? ?", 1, ["X-Forwarded-For: unknown"]],
    ["- - ? ?", 1, ["X-Forwarded-For: _hidden"]],
    ["192.0.2.2 - ? ?", 1, ["X-Forwarded-For: 6.6.6.6, 192.0.2.2"]],
    ["192.0.2.1 - ? ?", 3, ["X-Forwarded-For: 192.0.2.1 ,, 192.0.2.2,"]],
    ["192.0.2.1 - ? ?", 2, ["X-Forwarded-For: 192.0.2.1", "x-forwarded-for: 192.0.2.2"]],
    ["192.0.2.2 - ? ?", ["10.0.0.0/8"], ["X-Forwarded-For: nonsense, 192.0.2.2, 10.0.0.1"]],
    ["? ? tls ?", 1, ["X-Forwarded-Proto: https"]],
    ["? ? clear ?", 1, ["X-Forwarded-Proto: WS"]],
    ["? ? ? a.example", 1, ["X-Forwarded-Host: a.example"]],
    // The value of the proxy that wrote the address; the leftmost one where there are fewer.
    [
      "192.0.2.1 - tls ?",
      2,
      ["X-Forwarded-For: 192.0.2.1, 10.0.0.1", "X-Forwarded-Proto: https, http"],
    ],
    ["192.0.2.1 - tls ?", 2, ["X-Forwarded-For: 192.0.2.1, 10.0.0.1", "X-Forwarded-Proto: https"]],
    [
      "192.0.2.1 - clear ?",
      1,
      ["X-Forwarded-For: 6.6.6.6, 192.0.2.1", "X-Forwarded-Proto: https, http"],
    ],
    ["? ? clear ?", 1, ["X-Forwarded-Proto: https, http"]],
    // A port that is not the scheme's own belongs to the host.
    [
      "? ? tls a.example:8443",
      1,
      ["X-Forwarded-Proto: https", "X-Forwarded-Host: a.example", "X-Forwarded-Port: 8443"],
    ],
    [
      "? ? tls a.example",
      1,
      ["X-Forwarded-Proto: https", "X-Forwarded-Host: a.example", "X-Forwarded-Port: 443"],
    ],
    ["? ? ? a.example", 1, ["X-Forwarded-Host: a.example", "X-Forwarded-Port: 443"]],
    ["? ? ? a.example", 1, ["X-Forwarded-Host: a.example", "X-Forwarded-Port: 80"]],
    [
      "? ? clear [::1]:443",
      1,
      ["X-Forwarded-Proto: http", "X-Forwarded-Host: [::1]", "X-Forwarded-Port: 443"],
    ],
    ["? ? ? a.example:9", 1, ["X-Forwarded-Host: a.example:9", "X-Forwarded-Port: 8443"]],
    ["? ? ? inner:8080", 1, ["X-Forwarded-Port: 8443"]],
  ])("reads %s, trusting %j, of %j", (expected, trust, lines) => {
    expect(xForwarded(trust, lines)).toBe(expected);
  });

  it.each([
    "X-Forwarded-For: ",
    "X-Forwarded-For: ,",
    "X-Forwarded-For: localhost",
    "X-Forwarded-For: 192.0.2.1:0",
    "X-Forwarded-For: [192.0.2.1]",
    "X-Forwarded-For: 2001:db8::1:65536",
    "X-Forwarded-For: 192.0.2.1 192.0.2.2",
    'X-Forwarded-For: "192.0.2.1"',
    "X-Forwarded-Proto: ftp",
    "X-Forwarded-Proto: ",
    "X-Forwarded-Proto: constructor",
    "X-Forwarded-Host: a/b",
    "X-Forwarded-Host: ",
    "X-Forwarded-Host: \u0100".replace("\u0100", "\xff"),
    "X-Forwarded-Port: 0",
    "X-Forwarded-Port: 65536",
    "X-Forwarded-Port: +80",
    "X-Forwarded-Port: ",
  ])("refuses %j of a trusted proxy", (line) => {
    expect(() => xForwarded(1, [line])).toThrow(expect.objectContaining(refused));
  });

  it("reads only the named headers", () => {
    const lines = [
      "X-Forwarded-For: 192.0.2.1",
      "X-Forwarded-Proto: nonsense",
      "X-Forwarded-Host: a",
    ];
    expect(xForwarded(1, lines, ["x-forwarded-for"])).toBe("192.0.2.1 - ? ?");
    expect(xForwarded(1, lines, ["forwarded"])).toBe("nothing");
  });

  it("names the malformed header, and does not repeat its content", () => {
    expect(() => xForwarded(1, ["X-Forwarded-For: <script>"])).toThrow(
      "X-Forwarded-For of a proxy is malformed",
    );
  });
});

describe("proxyHeadersKind", () => {
  const expected = `proxyHeaders must be a list of some of ${allProxyHeaders.join(", ")}`;
  it.each<[unknown, string]>([
    ["Forwarded", '"Forwarded" is a string; write ["forwarded"]'],
    [["X-Forwarded-For"], 'Array; write ["x-forwarded-for"]'],
    [["via"], "Array"],
    [true, "true is a boolean"],
  ])("says what to write instead of %j", (value, said) => {
    expect(() => {
      checkKind("proxyHeaders", proxyHeadersKind, value);
    }).toThrow(new TypeError(`${expected}: ${said}`));
  });

  it("accepts the headers that it names", () => {
    checkKind("proxyHeaders", proxyHeadersKind, []);
    checkKind("proxyHeaders", proxyHeadersKind, allProxyHeaders);
  });
});
