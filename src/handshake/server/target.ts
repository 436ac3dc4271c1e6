/**
 * Checks the target and the Host header of a request (RFC 9112, 3.2).
 *
 * @module
 */

import { equalsIgnoreCase, latin1 } from "../../bytes.ts";
import { HandshakeError } from "../../errors.ts";
import type { Head } from "../../http/head.ts";
import { fieldBytes } from "../../http/option-scanner.ts";

const Slash = 0x2f;

/** Schemes of targets in absolute form, which a proxy may send. */
const schemes = ["http://", "https://", "ws://", "wss://"];

interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * Checks a request's target: a path, or a URL in absolute form, which is changed to its path.
 *
 * "a server MUST accept the absolute-form in requests" (RFC 9112, 3.2.2)
 *
 * @returns The range of the authority in the head's bytes, for a target in absolute form.
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
  // The comparison may go past the target, but the space after the target is in no scheme, so it stops there.
  const scheme = schemes.find((text) => equalsIgnoreCase(head.bytes, at, at + text.length, text));
  if (scheme === undefined) throw badTarget();
  return scheme.length;
}

function badTarget(): HandshakeError {
  return new HandshakeError("MALFORMED_REQUEST", {
    message: "Request target must be a path or a URL",
  });
}

/** 1 for the bytes of a registered name or an IPv4 address (RFC 3986, 3.2.2). */
const nameBytes: Uint8Array = /* @__PURE__ */ byteSet(
  "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.~!$&'()*+,;=%-",
);

/** 1 for the bytes of an IPv6 address. */
const addressBytes: Uint8Array = /* @__PURE__ */ byteSet("0123456789abcdefABCDEF:.");

function byteSet(members: string): Uint8Array {
  const set = new Uint8Array(256);
  for (let i = 0; i < members.length; i++) set[members.charCodeAt(i)] = 1;
  return set;
}

function skip(set: Uint8Array, bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && set[bytes[at]] === 1) at++;
  return at;
}

/** Tells whether a range is a host with an optional port (RFC 9110, 7.2). It makes no string. */
function isHost(bytes: Uint8Array, start: number, end: number): boolean {
  let at: number;
  if (bytes[start] === 0x5b) {
    at = skip(addressBytes, bytes, start + 1, end);
    if (at === start + 1 || at === end || bytes[at++] !== 0x5d) return false;
  } else {
    at = skip(nameBytes, bytes, start, end);
    if (at === start) return false;
  }
  return at === end || (bytes[at] === 0x3a && isPort(bytes, at + 1, end));
}

/** Tells whether a text is a host with an optional port. */
export function isHostText(text: string): boolean {
  const bytes = fieldBytes(text);
  return isHost(bytes, 0, bytes.length);
}

/** Tells whether a range is a port: up to five digits, at most 65535. It may be empty (RFC 3986, 3.2.3). */
function isPort(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start > 5) return false;
  let port = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at] - 0x30;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65535;
}

/**
 * Checks the Host header.
 *
 * @param host Index of the header.
 * @param authority The authority of a target in absolute form, which must be equal to the header (RFC 9112, 3.2.2).
 * @throws {HandshakeError} `BAD_HOST`
 */
export function checkHost(head: Head, host: number, authority: Range | undefined): void {
  if (!isHost(head.bytes, head.valueStart(host), head.valueEnd(host))) {
    throw new HandshakeError("BAD_HOST");
  }
  if (authority === undefined) return;
  const named = latin1(head.bytes, authority.start, authority.end);
  if (named.toLowerCase() !== head.value(host).toLowerCase()) {
    throw new HandshakeError("BAD_HOST", {
      message: "Host header differs from the request target",
    });
  }
}
