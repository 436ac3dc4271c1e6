/**
 * The opening handshake over HTTP/2: translates an extended CONNECT into a request of HTTP/1.1, and back (RFC 8441).
 *
 * So one handshake, with one set of checks, serves both versions. Only the written form differs.
 *
 * @module
 */

import { copyOf, noBytes } from "../bytes.ts";
import type { Head } from "../http/head.ts";
import { type HeadKind, HeadParser } from "../http/parser.ts";
import { acceptKey } from "./accept.ts";
import { writeParsedHead, writeRequest } from "./server/http-upgrader.ts";

/** Headers of HTTP/2: names in lower case, including the pseudo-headers. Several values of one name are an array. */
export type Http2Headers = Record<string, string | number | string[] | undefined>;

/** Headers about a connection. They make a message of HTTP/2 malformed (RFC 9113, 8.2.2). */
const ofConnection = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** "Implementations ... do not do the processing of the Sec-WebSocket-Key and Sec-WebSocket-Accept" (RFC 8441, 5). */
const superseded = new Set(["sec-websocket-accept", "sec-websocket-key"]);

/** Replaces the key, which is not sent over HTTP/2: 16 bytes of zero. */
const noKey = "AAAAAAAAAAAAAAAAAAAAAA==";

/** Replaces a malformed name or value. A NUL is never allowed, so the parser refuses the head. */
const malformed = "\0";

/** The status that opens a WebSocket over HTTP/2 (RFC 8441, 5.1), and the status that does so over HTTP/1.1. */
const statusOk = 200;
const statusSwitching = 101;

/**
 * Gives the value of the first header with a name.
 *
 * @param rawHeaders Alternating names and values, including pseudo-headers.
 */
export function fieldOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i] === name) return rawHeaders[i + 1];
  }
  return undefined;
}

/**
 * Writes the HTTP/1.1 request that is equal to an extended CONNECT of HTTP/2.
 *
 * Missing or malformed parts stay missing or malformed, so the parser of the request refuses it.
 *
 * @param rawHeaders Alternating names and values, including pseudo-headers.
 * @returns Bytes that are yours.
 */
export function toUpgradeRequest(rawHeaders: readonly string[]): Uint8Array {
  const headers = ["Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Key", noKey];
  const authority = fieldOf(rawHeaders, ":authority");
  if (authority !== undefined) headers.push("Host", authority);
  const cookies: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    const value = rawHeaders[i + 1];
    if (name.startsWith(":") || superseded.has(name)) continue;
    if (name === "cookie") cookies.push(value);
    // A Host that differs from `:authority` is added as a second Host header, so the request is refused (RFC 9113, 8.3.1).
    else if (name !== "host" || !isSameHost(value, authority)) {
      headers.push(ofConnection.has(name) ? malformed : name, value);
    }
  }
  // "If there are multiple Cookie header fields ... these MUST be concatenated" (RFC 9113, 8.2.3)
  if (cookies.length > 0) headers.push("cookie", cookies.join("; "));
  const url = targetOf(rawHeaders);
  return writeRequest({ method: "GET", url, httpVersion: "1.1", rawHeaders: headers }, noBytes);
}

function isSameHost(host: string, authority: string | undefined): boolean {
  return host.toLowerCase() === authority?.toLowerCase();
}

/** Gives the target; empty if `:scheme` or `:path`, which "MUST also be included" (RFC 8441, 4), is missing or malformed. */
function targetOf(rawHeaders: readonly string[]): string {
  const scheme = fieldOf(rawHeaders, ":scheme") ?? "";
  const path = fieldOf(rawHeaders, ":path") ?? "";
  // An absolute URL is refused. The parser would use its authority, but in HTTP/2 `:authority` says that.
  return /^https?$/i.test(scheme) && path.startsWith("/") ? path : "";
}

/**
 * Writes the HTTP/1.1 response that is equal to a response of HTTP/2. Status 200 becomes 101, with the missing
 * Sec-WebSocket-Accept.
 *
 * A character that is not allowed becomes NUL, which the parser of the response refuses.
 *
 * @param key The Sec-WebSocket-Key of the translated request.
 * @returns Bytes that are yours.
 */
export function toUpgradeResponse(headers: Http2Headers, key: string): Uint8Array {
  const isOpen = Number(headers[":status"]) === statusOk;
  const status = isOpen ? statusSwitching : Number(headers[":status"]);
  const raw = isOpen
    ? ["Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Accept", acceptKey(key)]
    : [];
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(":") || superseded.has(name)) continue;
    const allowed = ofConnection.has(name) ? malformed : name;
    for (const one of Array.isArray(value) ? value : [value]) raw.push(allowed, String(one));
  }
  return writeParsedHead(`HTTP/1.1 ${status} `, raw, noBytes);
}

/** A head of HTTP/1.1, translated to HTTP/2. */
export interface TranslatedHead {
  readonly headers: Http2Headers;
  /** The Sec-WebSocket-Key of a request; empty for a response. */
  readonly key: string;
  /** The bytes after the head; yours. */
  readonly rest: Uint8Array;
}

/** Only these limits apply, because this side's own handshake writes the heads. */
const limits = { maxHeadSize: 2 ** 24, maxTargetSize: 2 ** 24, maxHeaders: 2 ** 16 };

/** Takes the bytes that this side's own handshake writes, and translates the head when it is complete. */
export class HeadTranslator {
  readonly #kind: HeadKind;
  readonly #scheme: string;
  readonly #parser: HeadParser;

  /** @param scheme "https" or "http"; only for requests. */
  constructor(kind: HeadKind, scheme = "https") {
    this.#kind = kind;
    this.#scheme = scheme;
    this.#parser = new HeadParser(kind, limits);
  }

  /**
   * Takes bytes. The caller may reuse the array afterwards.
   *
   * @returns The head, once, when it is complete.
   */
  feed(bytes: Uint8Array): TranslatedHead | undefined {
    const end = this.#parser.feed(bytes);
    if (!this.#parser.isComplete) return undefined;
    const { head } = this.#parser;
    // A Map, because header names may be equal to names of an object's members, such as "constructor".
    const headers = new Map<string, string | number | string[]>(
      this.#kind === "request" ? this.#pseudoHeaders(head) : [[":status", finalStatus(head)]],
    );
    let key = "";
    for (let i = 0; i < head.headerCount; i++) {
      const name = head.name(i).toLowerCase();
      if (name === "sec-websocket-key") key = head.value(i);
      if (name === "host" || ofConnection.has(name) || superseded.has(name)) continue;
      const before = headers.get(name);
      const value = head.value(i);
      headers.set(name, before === undefined ? value : [before, value].flat().map(String));
    }
    return { headers: Object.fromEntries(headers), key, rest: copyOf(bytes, end, bytes.length) };
  }

  #pseudoHeaders(head: Head): [name: string, value: string][] {
    return [
      [":method", "CONNECT"],
      [":protocol", "websocket"],
      [":scheme", this.#scheme],
      [":authority", head.value(head.find("host"))],
      [":path", head.target],
    ];
  }
}

function finalStatus({ status }: Head): number {
  return status === statusSwitching ? statusOk : status;
}
