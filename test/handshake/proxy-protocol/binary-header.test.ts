import { describe, expect, it } from "vitest";
import { concat, encodeUtf8 } from "../../../src/bytes.ts";
import { parseBinaryHeader } from "../../../src/handshake/proxy-protocol/binary-header.ts";
import { plainProxied } from "../../../src/handshake/proxy-protocol/proxied.ts";
import { binaryHeader, field, type HeaderParts, summedHeader } from "../../support/proxy-header.ts";

const source = { address: "192.0.2.7", port: 4711 };
const destination = { address: "198.51.100.1", port: 443 };
const plain = plainProxied(2, source, destination);

function parse(parts: HeaderParts): unknown {
  return parseBinaryHeader(binaryHeader(parts));
}

const addresses6 = Uint8Array.from({ length: 36 }, (_, i) =>
  i < 32 ? ([0x20, 1, 0xd, 0xb8][i % 16] ?? 0) : i,
);

/** The field of TLS: its bits, whether the certificate was verified, and fields within. */
function tls(client: number, verify: number, ...fields: readonly Uint8Array[]): Uint8Array {
  return field(0x20, concat([Uint8Array.of(client, 0, 0, 0, verify), ...fields]));
}

describe("parseBinaryHeader()", () => {
  it("reads the addresses of IPv4 and IPv6, and IPv4 as IPv6", () => {
    expect(parse({})).toEqual(plain);
    expect(parse({ family: 0x21, addresses: addresses6 })).toEqual(
      plainProxied(
        2,
        { address: "2001:db8::", port: 0x2021 },
        { address: "2001:db8::", port: 0x2223 },
      ),
    );
    const mapped = new Uint8Array(36).fill(0xff, 10, 12);
    mapped.set([192, 0, 2, 7], 12);
    expect(parse({ family: 0x21, addresses: mapped })).toMatchObject({
      source: { address: "192.0.2.7", port: 0 },
      destination: { address: "::", port: 0 },
    });
  });

  it("reads the paths of Unix sockets, of which there may be none", () => {
    const addresses = new Uint8Array(216);
    addresses.set(encodeUtf8("/run/one"), 0);
    expect(parse({ family: 0x31, addresses })).toEqual(
      plainProxied(2, { address: "/run/one", port: undefined }, { address: "", port: undefined }),
    );
  });

  it("gives no addresses for a balancer's own connection, and for an unknown family", () => {
    expect(parse({ versionAndCommand: 0x20 })).toEqual(plainProxied(2));
    expect(parse({ versionAndCommand: 0x20, family: 0x99, addresses: Uint8Array.of(1) })).toEqual(
      plainProxied(2),
    );
    expect(parse({ family: 0, addresses: Uint8Array.of(1, 2, 3) })).toEqual(plainProxied(2));
  });

  it("reads the fields behind them", () => {
    const id = Uint8Array.of(1, 2, 3);
    const fields = [
      field(0x04, new Uint8Array(7)),
      field(0x01, "http/1.1"),
      field(0x02, "ex\u00e4mple.org"),
      field(0x05, id),
      field(0x30, "blue"),
      field(0xea, "vpce"),
      tls(
        7,
        0,
        field(0x21, "TLSv1.3"),
        field(0x22, "J\u00f6rg"),
        field(0x23, "AES"),
        field(0x24, "SHA256"),
      ),
    ];
    expect(parse({ fields })).toEqual({
      ...plain,
      alpn: "http/1.1",
      authority: "ex\u00e4mple.org",
      uniqueId: id,
      namespace: "blue",
      fields: [{ type: 0xea, value: encodeUtf8("vpce") }],
      tls: {
        version: "TLSv1.3",
        cipher: "AES",
        hasCertificate: true,
        authorized: true,
        commonName: "J\u00f6rg",
      },
    });
  });

  it.each([
    [1, 0, { hasCertificate: false, authorized: false }],
    [3, 0, { hasCertificate: true, authorized: true }],
    [5, 0, { hasCertificate: true, authorized: true }],
    [3, 1, { hasCertificate: true, authorized: false }],
  ])("describes TLS with the bits %i and the result %i", (client, verify, expected) => {
    expect(parse({ fields: [tls(client, verify)] })).toMatchObject({
      tls: { ...expected, version: undefined, cipher: undefined, commonName: undefined },
    });
  });

  it("describes no TLS if the client has come without", () => {
    expect(parse({ fields: [tls(0, 1)] })).toEqual(plain);
  });

  it("checks the checksum if there is one", () => {
    const header = summedHeader({ fields: [field(0xe0, "x")] });
    expect(parseBinaryHeader(header)).toMatchObject({ source });
    for (let at = 16; at < header.length; at++) {
      const wrong = header.slice();
      wrong[at]! ^= 0x40;
      // A field whose type or length has changed is another one, or none.
      if (at < 28 || at >= header.length - 4) expect(parseBinaryHeader(wrong)).toBeUndefined();
    }
  });

  it.each<[string, HeaderParts]>([
    ["another version", { versionAndCommand: 0x11 }],
    ["another command", { versionAndCommand: 0x22 }],
    ["datagrams", { family: 0x12 }],
    ["an unassigned family", { family: 0x41 }],
    ["an unassigned protocol", { family: 0x13 }],
    ["a family without a protocol", { family: 0x10 }],
    ["addresses that are cut off", { addresses: new Uint8Array(11) }],
    ["no addresses", { addresses: new Uint8Array(0) }],
    ["one byte behind the addresses", { fields: [Uint8Array.of(4)] }],
    ["a field that is cut off", { fields: [Uint8Array.of(4, 0, 2, 0)] }],
    ["a unique id that is too long", { fields: [field(0x05, new Uint8Array(129))] }],
    ["a checksum of another size", { fields: [field(0x03, new Uint8Array(5))] }],
    ["a checksum that is wrong", { fields: [field(0x03, new Uint8Array(4))] }],
    ["TLS without its bits", { fields: [field(0x20, new Uint8Array(4))] }],
    ["a field of TLS that is cut off", { fields: [tls(1, 0, Uint8Array.of(0x21, 0, 9))] }],
  ])("refuses %s", (_, parts) => {
    expect(parse(parts)).toBeUndefined();
  });
});
