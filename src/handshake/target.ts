/**
 * The two places where a request says whom it is for: its target and its Host header (RFC 9112, 3.2).
 *
 * @module
 */

import { equalsIgnoreCase, latin1 } from "../bytes.ts";
import { HandshakeError } from "../errors.ts";
import type { Head } from "../http/head.ts";

const Slash = 0x2f;

/** Schemes whose absolute form a proxy may send. */
const schemes = ["http://", "https://", "ws://", "wss://"];

/** A range of bytes. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Checks a request's target: a path, or a URL in absolute form, which is then reduced to its path.
 *
 * "a server MUST accept the absolute-form in requests" (RFC 9112, 3.2.2)
 *
 * @returns Where the authority stands in the head's bytes, in absolute form.
 * @throws {HandshakeError} `MALFORMED_REQUEST`
 */
export function checkTarget(head: Head): Range | undefined {
  if (head.bytes[head.targetByte] === Slash) return undefined;
  const start = head.targetByte + schemeLength(head);
  const targetEnd = head.targetByte + head.targetEnd - head.targetStart;
  let end = start;
  while (end < targetEnd && head.bytes[end] !== Slash && head.bytes[end] !== 0x3f) end++;
  head.targetStart += end - head.targetByte;
  return { start, end };
}

function schemeLength(head: Head): number {
  const at = head.targetByte;
  const scheme = schemes.find(
    (text) =>
      text.length <= head.targetEnd - head.targetStart &&
      equalsIgnoreCase(head.bytes, at, at + text.length, text),
  );
  if (scheme === undefined) throw badTarget();
  return scheme.length;
}

function badTarget(): HandshakeError {
  return new HandshakeError("MALFORMED_REQUEST", {
    message: "Request target must be a path or a URL",
  });
}

/** A name or an IPv4 address, or an IPv6 address in brackets; then a port of up to five digits (RFC 9110, 4.2.3). */
const hostPattern = /^(?:\[[0-9a-f:.]+\]|[\w.~!$&'()*+,;=%-]+)(?::(\d{1,5})?)?$/i;

/**
 * Checks the Host header.
 *
 * @param host Index of the header.
 * @param authority The authority of a target in absolute form, which the header must repeat (RFC 9112, 3.2.2).
 * @throws {HandshakeError} `BAD_HOST`
 */
export function checkHost(head: Head, host: number, authority: Range | undefined): void {
  const value = head.value(host);
  const match = hostPattern.exec(value);
  if (match === null || Number(match[1] ?? 0) > 65535) throw new HandshakeError("BAD_HOST");
  if (authority === undefined) return;
  const named = latin1(head.bytes, authority.start, authority.end);
  if (named.toLowerCase() !== value.toLowerCase()) {
    throw new HandshakeError("BAD_HOST", {
      message: "Host header differs from the request target",
    });
  }
}
