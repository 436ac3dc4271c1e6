/**
 * Version 2 of the PROXY protocol: a binary header, with fields after the addresses (proxy-protocol.txt, 2.2).
 *
 * @module
 */

import { copyOf, latin1, readUint16, readUint32 } from "../../bytes.ts";
import { unmapped, writeAddress } from "../../ip-address.ts";
import { crc32c } from "./crc32c.ts";
import {
  plainProxied,
  type Proxied,
  type ProxiedAddress,
  type ProxiedField,
  type ProxiedTls,
} from "./proxied.ts";

/** "\r\n\r\n\0\r\nQUIT\n". No HTTP request begins with these bytes. */
export const signature: readonly number[] = [
  0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
];

/** Number of bytes before the addresses. */
export const FixedSize = 16;

const Local = 0;
const Proxy = 1;

/** The layout of an address family: bytes of each of the two addresses, and whether ports follow. */
interface Family {
  readonly size: number;
  readonly read: (bytes: Uint8Array, start: number) => string;
  readonly hasPorts: boolean;
}

/** The byte of family and protocol, for streams: AF_INET, AF_INET6 and AF_UNIX, each with STREAM. */
const families: Readonly<Record<number, Family>> = {
  0x11: { size: 4, read: readIp, hasPorts: true },
  0x21: { size: 16, read: readIp, hasPorts: true },
  0x31: { size: 108, read: readPath, hasPorts: false },
};

/** AF_UNSPEC: the balancer does not know the client. */
const Unspecified = 0;

/** Types of the fields that the parser knows. */
const TypeAlpn = 0x01;
const TypeAuthority = 0x02;
const TypeCrc32c = 0x03;
const TypeNoop = 0x04;
const TypeUniqueId = 0x05;
const TypeSsl = 0x20;
const TypeNamespace = 0x30;

const SslVersion = 0x21;
const SslCommonName = 0x22;
const SslCipher = 0x23;

const ClientSsl = 1;
const ClientCertConn = 2;
const ClientCertSess = 4;

const MaxUniqueIdSize = 128;

/**
 * Reads a header.
 *
 * @param bytes Exactly the header; it begins with the signature.
 * @returns undefined if it is malformed, or its checksum is wrong.
 */
export function parseBinaryHeader(bytes: Uint8Array): Proxied | undefined {
  const version = bytes[12]! >> 4;
  const command = bytes[12]! & 15;
  // "Receivers must drop connections presenting unexpected values"
  if (version !== 2 || command > Proxy) return undefined;
  // "must use the real connection endpoints and discard the protocol block including the family"
  if (command === Local || bytes[13] === Unspecified) return plainProxied(2);
  const family = families[bytes[13]!];
  if (family === undefined) return undefined;
  const fieldsStart = FixedSize + 2 * family.size + (family.hasPorts ? 4 : 0);
  if (bytes.length < fieldsStart) return undefined;
  const [source, destination] = readEnds(family, bytes);
  return readFields(bytes, fieldsStart, plainProxied(2, source, destination));
}

function readEnds({ size, read, hasPorts }: Family, bytes: Uint8Array): ProxiedAddress[] {
  return [0, 1].map((index) => ({
    address: read(bytes.subarray(0, FixedSize + (index + 1) * size), FixedSize + index * size),
    port: hasPorts ? readUint16(bytes, FixedSize + 2 * size + 2 * index) : undefined,
  }));
}

function readIp(bytes: Uint8Array, start: number): string {
  return writeAddress(unmapped(bytes.subarray(start)));
}

/** Reads a path, which is padded with zeros. The path of an abstract socket of Linux begins with a zero. */
function readPath(bytes: Uint8Array, start: number): string {
  let end = bytes.length;
  while (end > start && bytes[end - 1] === 0) end--;
  return latin1(bytes, start, end);
}

/** Calls `take` with each field. Gives false if a field does not fit, or `take` gives false. */
function walkFields(
  bytes: Uint8Array,
  start: number,
  take: (type: number, start: number, end: number) => boolean,
): boolean {
  let at = start;
  while (at + 3 <= bytes.length) {
    const from = at + 3;
    const end = from + readUint16(bytes, at + 1);
    if (end > bytes.length || !take(bytes[at]!, from, end)) return false;
    at = end;
  }
  return at === bytes.length;
}

const utf8 = /* @__PURE__ */ new TextDecoder();

/** Reads the fields after the addresses, and adds them to `plain`. */
function readFields(bytes: Uint8Array, start: number, plain: Proxied): Proxied | undefined {
  const found: { -readonly [Name in keyof Proxied]: Proxied[Name] } = { ...plain };
  const fields: ProxiedField[] = [];
  const isWhole = walkFields(bytes, start, (type, from, end) => {
    const value = copyOf(bytes, from, end);
    switch (type) {
      case TypeNoop:
        return true;
      case TypeCrc32c:
        return isChecksumRight(bytes, from, end);
      case TypeAlpn:
        found.alpn = latin1(value, 0, value.length);
        return true;
      case TypeAuthority:
        found.authority = utf8.decode(value);
        return true;
      case TypeUniqueId:
        found.uniqueId = value;
        return value.length <= MaxUniqueIdSize;
      case TypeNamespace:
        found.namespace = latin1(value, 0, value.length);
        return true;
      case TypeSsl:
        return readTls(value, found);
      default:
        fields.push({ type, value });
        return true;
    }
  });
  return isWhole ? { ...found, fields } : undefined;
}

/** Tells whether the checksum is right. It is computed with zeros in the place of the checksum itself. */
function isChecksumRight(bytes: Uint8Array, from: number, end: number): boolean {
  if (end - from !== 4) return false;
  const cleared = copyOf(bytes, 0, bytes.length);
  cleared.fill(0, from, end);
  return crc32c(cleared) === readUint32(bytes, from);
}

/** Reads the TLS field: a byte of flags, four bytes that are 0 for a verified certificate, and inner fields. */
function readTls(value: Uint8Array, found: { tls: ProxiedTls | undefined }): boolean {
  if (value.length < 5) return false;
  const client = value[0]!;
  const hasCertificate = (client & (ClientCertConn | ClientCertSess)) !== 0;
  const texts = new Map<number, string>();
  const isWhole = walkFields(value, 5, (type, from, end) => {
    texts.set(type, utf8.decode(value.subarray(from, end)));
    return true;
  });
  if ((client & ClientSsl) !== 0) {
    found.tls = {
      version: texts.get(SslVersion),
      cipher: texts.get(SslCipher),
      hasCertificate,
      authorized: hasCertificate && readUint32(value, 1) === 0,
      commonName: texts.get(SslCommonName),
    };
  }
  return isWhole;
}
