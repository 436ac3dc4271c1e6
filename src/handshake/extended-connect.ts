/**
 * The opening handshake over HTTP/2: an extended CONNECT put into the words of HTTP/1.1, and back (RFC 8441).
 *
 * So there is one check for both, and one handshake: what differs is only how it is written down.
 *
 * @module
 */

import { copyOf, noBytes } from "../bytes.ts";
import type { Head } from "../http/head.ts";
import { type HeadKind, HeadParser } from "../http/parser.ts";
import { acceptKey } from "./accept.ts";
import { writeParsedHead, writeRequest } from "./server/http-upgrader.ts";

/** Headers of HTTP/2: names in lower case, with the pseudo-headers; several values of one name in an array. */
export type Http2Headers = Record<string, string | number | string[] | undefined>;

/** What HTTP/1.1 says of a connection: a message of HTTP/2 with one of these is malformed (RFC 9113, 8.2.2). */
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

/** Stands in for the key, which nobody sends over HTTP/2: 16 bytes of zero. */
const noKey = "AAAAAAAAAAAAAAAAAAAAAA==";

/** The name, or value, of what must not pass: it may stand nowhere. */
const malformed = "\0";

/** The status that opens a WebSocket over HTTP/2 (RFC 8441, 5.1), and the one that does over HTTP/1.1. */
const statusOk = 200;
const statusSwitching = 101;

/**
 * Gives the value of the first header with a name.
 *
 * @param rawHeaders Names and values in turn, pseudo-headers included.
 */
export function fieldOf(rawHeaders: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    if (rawHeaders[i] === name) return rawHeaders[i + 1];
  }
  return undefined;
}

/**
 * Writes the request that says over HTTP/1.1 what an extended CONNECT says over HTTP/2.
 *
 * What is missing or malformed in it is so in the request, too, and is refused by who reads that.
 *
 * @param rawHeaders Names and values in turn, pseudo-headers included.
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
    // Beside an authority that it differs from it makes two of them, and so a bad request (RFC 9113, 8.3.1).
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

/** Gives the target; none where `:scheme` or `:path`, which "MUST also be included" (RFC 8441, 4), is no good. */
function targetOf(rawHeaders: readonly string[]): string {
  const scheme = fieldOf(rawHeaders, ":scheme") ?? "";
  const path = fieldOf(rawHeaders, ":path") ?? "";
  // An absolute URL is refused: the parser would take its authority, but HTTP/2 has a field of its own for that.
  return /^https?$/i.test(scheme) && path.startsWith("/") ? path : "";
}

/**
 * Writes the response that says over HTTP/1.1 what one says over HTTP/2: 200 becomes 101, with the proof that it lacks.
 *
 * What may not stand in it becomes NUL, which the parser that reads it refuses.
 *
 * @param key The Sec-WebSocket-Key of the request that was translated.
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

/** A head of HTTP/1.1 in the words of HTTP/2. */
export interface TranslatedHead {
  readonly headers: Http2Headers;
  /** The Sec-WebSocket-Key of a request; empty in a response. */
  readonly key: string;
  /** What came behind the head; yours. */
  readonly rest: Uint8Array;
}

/** A head that this side writes itself has no limit but this. */
const limits = { maxHeadSize: 2 ** 24, maxTargetSize: 2 ** 24, maxHeaders: 2 ** 16 };

/** Takes what this side's own handshake writes, until its head is complete, and translates that. */
export class HeadTranslator {
  readonly #kind: HeadKind;
  readonly #scheme: string;
  readonly #parser: HeadParser;

  /** @param scheme "https" or "http", for requests. */
  constructor(kind: HeadKind, scheme = "https") {
    this.#kind = kind;
    this.#scheme = scheme;
    this.#parser = new HeadParser(kind, limits);
  }

  /**
   * Takes bytes, which are the caller's again afterwards.
   *
   * @returns The head, once, as soon as it is complete.
   */
  feed(bytes: Uint8Array): TranslatedHead | undefined {
    const end = this.#parser.feed(bytes);
    if (!this.#parser.isComplete) return undefined;
    const { head } = this.#parser;
    // A map, since names such as "constructor" are those of headers, too.
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
