/**
 * Reads what proxies say about their clients: `Forwarded` (RFC 7239), and the older `X-Forwarded-*`, which no standard defines.
 *
 * Each proxy appends to the right of what it received. So these headers are read from the right, for as long as the proxy that
 * wrote a part is trusted. Anybody may have written the parts further to the left.
 *
 * @module
 */

import { latin1 } from "../../bytes.ts";
import type { Kind } from "../../check-options.ts";
import { HandshakeError } from "../../errors.ts";
import type { Head } from "../../http/head.ts";
import { tokenEnd } from "../../http/option-scanner.ts";
import { isBlank } from "../../http/token.ts";
import { parseAddress, unmapped, writeAddress } from "../../ip-address.ts";
import type { IsTrusted } from "./trusted-proxies.ts";
import { isHostText } from "./target.ts";

/** What one proxy says about the client that connected to it. A field is undefined if the proxy does not say it. */
export interface ForwardedHop {
  readonly node: ForwardedNode | undefined;
  /** Whether the client used https or wss. */
  readonly encrypted: boolean | undefined;
  /** The host in the client's Host header. */
  readonly host: string | undefined;
}

/** Headers by which a proxy may name its client. */
export type ProxyHeader =
  | "forwarded"
  | "x-forwarded-for"
  | "x-forwarded-proto"
  | "x-forwarded-host"
  | "x-forwarded-port";

/** All these headers. */
export const allProxyHeaders: readonly ProxyHeader[] = [
  "forwarded",
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-port",
];

/** The kind of the option. */
export const proxyHeadersKind: Kind = {
  expected:
    "a list of some of forwarded, x-forwarded-for, x-forwarded-proto, x-forwarded-host, x-forwarded-port",
  is: (value) => Array.isArray(value) && value.every((name) => allProxyHeaders.includes(name)),
  instead(value) {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    const names = list.map((name) => String(name).toLowerCase());
    const isKnown = (name: string): boolean =>
      (allProxyHeaders as readonly string[]).includes(name);
    return names.every(isKnown) ? JSON.stringify(names) : undefined;
  },
};

/** A client's address; undefined if it is hidden: "unknown" and obfuscated names (RFC 7239, 6). */
export interface ForwardedNode {
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/**
 * Reads what trusted proxies say in `Forwarded`.
 *
 * @param isTrusted Tells whether a proxy that the header names is trusted. Hop 1 is the one that connected to this server's own
 * peer.
 * @returns The farthest client that a trusted proxy names; undefined if the header is missing.
 * @throws {HandshakeError} `BAD_FORWARDED`
 */
export function readForwarded(head: Head, isTrusted: IsTrusted): ForwardedHop | undefined {
  let client: ForwardedHop | undefined;
  let hop = 0;
  for (const element of forwardedFromRight(head)) {
    client = toHop(element);
    if (!isTrusted(client.node?.address, ++hop)) break;
  }
  // The header exists, but is empty.
  if (client === undefined && head.find("forwarded") >= 0) throw malformed("Forwarded");
  return client;
}

/**
 * Reads what trusted proxies say in `X-Forwarded-*`: the client's address, and from Proto, Host and Port the values of the same
 * proxy. Proxies in front of others often pass these on unchanged. So if there are fewer values than proxies, the leftmost value
 * counts.
 *
 * @param names The headers to read; others are ignored.
 * @returns As {@link readForwarded}; undefined if all are missing.
 * @throws {HandshakeError} `BAD_FORWARDED`
 */
export function readXForwarded(
  head: Head,
  isTrusted: IsTrusted,
  names: readonly ProxyHeader[],
): ForwardedHop | undefined {
  const isRead = (name: ProxyHeader): boolean => names.includes(name) && head.find(name) >= 0;
  let node: ForwardedNode | undefined;
  let hop = 0;
  if (isRead("x-forwarded-for")) {
    for (const text of valuesFromRight(head, "x-forwarded-for")) {
      node = parseNode(text, true);
      if (node === undefined) throw malformed("X-Forwarded-For");
      if (!isTrusted(node.address, ++hop)) break;
    }
    // The header exists, but is empty.
    if (node === undefined) throw malformed("X-Forwarded-For");
  }
  const valueOf = (name: ProxyHeader): string | undefined =>
    isRead(name) ? valueAt(head, name, Math.max(1, hop)) : undefined;
  const proto = valueOf("x-forwarded-proto");
  const host = valueOf("x-forwarded-host");
  const port = valueOf("x-forwarded-port");
  if (node === undefined && (proto ?? host ?? port) === undefined) return undefined;
  return {
    node,
    encrypted: parseScheme(proto, "X-Forwarded-Proto"),
    host: withPort(head, parseHost(host, "X-Forwarded-Host"), port, proto),
  };
}

/** Makes the refusal of a malformed header from a trusted proxy. */
function malformed(name: string): HandshakeError {
  return new HandshakeError("BAD_FORWARDED", { message: `${name} of a proxy is malformed` });
}

/** Gives the elements of a list, the last one first, of all lines with the name. Empty elements are skipped. */
function* valuesFromRight(head: Head, name: string): Generator<string, void> {
  for (const line of linesFromRight(head, name)) {
    for (const text of head.value(line).split(",").reverse()) {
      const value = text.trim();
      if (value !== "") yield value;
    }
  }
}

/** Gives the indexes of the lines with a name, the last one first. */
function linesFromRight(head: Head, name: string): number[] {
  const lines: number[] = [];
  for (let i = head.find(name); i >= 0; i = head.find(name, i + 1)) lines.push(i);
  return lines.reverse();
}

/** Gives the `count`th value from the right; the leftmost one if there are fewer. */
function valueAt(head: Head, name: ProxyHeader, count: number): string {
  let last = "";
  let seen = 0;
  for (const value of valuesFromRight(head, name)) {
    last = value;
    if (++seen === count) break;
  }
  return last;
}

const schemes: Readonly<Record<string, boolean>> = {
  http: false,
  ws: false,
  https: true,
  wss: true,
};

function parseScheme(text: string | undefined, name: string): boolean | undefined {
  if (text === undefined) return undefined;
  const lower = text.toLowerCase();
  if (!Object.hasOwn(schemes, lower)) throw malformed(name);
  return schemes[lower];
}

function parseHost(text: string | undefined, name: string): string | undefined {
  if (text !== undefined && !isHostText(text)) throw malformed(name);
  return text;
}

/** Adds the port to which a client has connected, if the host has none and the port is not the scheme's default. */
function withPort(
  head: Head,
  forwarded: string | undefined,
  port: string | undefined,
  proto: string | undefined,
): string | undefined {
  if (port === undefined) return forwarded;
  if (parsePort(port) === undefined) throw malformed("X-Forwarded-Port");
  const host = forwarded ?? head.value(head.find("host"));
  const isEncrypted = parseScheme(proto, "X-Forwarded-Proto") ?? port === "443";
  if (/:\d*$/.test(host.replace(/^\[.*\]/, "")) || port === (isEncrypted ? "443" : "80"))
    return host;
  return `${host}:${port}`;
}

/** A name that hides an address (RFC 7239, 6.3). */
const obfuscated = /^_[\w.-]+$/;

/**
 * Reads a node: an address, "unknown" or an obfuscated name, with or without a port.
 *
 * @param isBare Whether an IPv6 address may have no brackets.
 * @returns undefined if it is malformed.
 */
function parseNode(text: string, isBare: boolean): ForwardedNode | undefined {
  const whole = isBare ? parseAddress(text) : undefined;
  if (whole !== undefined) return { address: textOf(whole), port: undefined };
  const parts = /^(\[[^\]]*\]|[^:[\]]+)(?::(.*))?$/.exec(text);
  if (parts === null) return undefined;
  const [, name, port] = parts as unknown as [string, string, string?];
  const address = parseName(name);
  if (address === undefined) return undefined;
  if (port === undefined || obfuscated.test(port)) return { ...address, port: undefined };
  const number = parsePort(port);
  return number === undefined ? undefined : { ...address, port: number };
}

function parseName(name: string): { address: string | undefined } | undefined {
  if (name.toLowerCase() === "unknown" || obfuscated.test(name)) return { address: undefined };
  const isBracketed = name.startsWith("[");
  const bytes = parseAddress(isBracketed ? name.slice(1, -1) : name);
  // IPv6 needs brackets, and IPv4 must have none.
  if (bytes === undefined || isBracketed !== bytes.length > 4) return undefined;
  return { address: textOf(bytes) };
}

function textOf(bytes: Uint8Array): string {
  return writeAddress(unmapped(bytes));
}

/** Reads a port from 1 to 65535. */
function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port > 0 && port < 65_536 ? port : undefined;
}

/** The parameters of one element of `Forwarded`. Their names are in lower case. */
type Element = ReadonlyMap<string, string>;

function toHop(element: Element): ForwardedHop {
  const named = element.get("for");
  const node = named === undefined ? undefined : parseNode(named, false);
  if (named !== undefined && node === undefined) throw malformed("Forwarded");
  return {
    node,
    encrypted: parseScheme(element.get("proto"), "Forwarded"),
    host: parseHost(element.get("host"), "Forwarded"),
  };
}

/** Gives the elements of `Forwarded`, the last one first, of all its lines. */
function* forwardedFromRight(head: Head): Generator<Element, void> {
  for (const line of linesFromRight(head, "forwarded")) {
    const elements = new ForwardedScanner(head.bytes, head.valueStart(line), head.valueEnd(line));
    yield* elements.all().reverse();
  }
}

const Quote = 0x22;
const Comma = 0x2c;
const Semicolon = 0x3b;
const Equals = 0x3d;
const Backslash = 0x5c;

/**
 * Parses one line of `Forwarded`, and reads each byte once (RFC 7239, 4).
 *
 * A malformed line refuses the request. For example, if a client has left a quote open, it is unclear what a proxy has appended.
 */
class ForwardedScanner {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Gives all elements. Empty ones are skipped (RFC 9110, 5.6.1.2). */
  all(): Element[] {
    const elements: Element[] = [];
    let element = new Map<string, string>();
    for (;;) {
      this.#skipBlanks();
      // Pairs may be missing: "[ forwarded-pair ] *( ';' [ forwarded-pair ] )" (RFC 7239, 4)
      if (!this.#isAtDelimiter()) this.#takePair(element);
      this.#skipBlanks();
      if (this.#take(Semicolon)) continue;
      if (element.size > 0) elements.push(element);
      element = new Map();
      if (this.#at === this.#end) return elements;
      if (!this.#take(Comma)) throw malformed("Forwarded");
    }
  }

  #isAtDelimiter(): boolean {
    if (this.#at === this.#end) return true;
    const byte = this.#bytes[this.#at];
    return byte === Semicolon || byte === Comma;
  }

  #takePair(element: Map<string, string>): void {
    const name = this.#takeToken().toLowerCase();
    if (!this.#take(Equals)) throw malformed("Forwarded");
    const value = this.#take(Quote) ? this.#takeQuoted() : this.#takeToken();
    // "Each parameter MUST NOT occur more than once per field-value" (RFC 7239, 4)
    if (element.has(name)) throw malformed("Forwarded");
    element.set(name, value);
  }

  #takeToken(): string {
    const start = this.#at;
    this.#at = tokenEnd(this.#bytes, start, this.#end);
    if (this.#at === start) throw malformed("Forwarded");
    return latin1(this.#bytes, start, this.#at);
  }

  #takeQuoted(): string {
    let text = "";
    while (this.#at < this.#end) {
      if (this.#take(Quote)) return text;
      if (this.#take(Backslash) && this.#at === this.#end) break;
      text += String.fromCharCode(this.#bytes[this.#at++]);
    }
    throw malformed("Forwarded");
  }

  #skipBlanks(): void {
    while (this.#at < this.#end && isBlank(this.#bytes[this.#at])) this.#at++;
  }

  #take(byte: number): boolean {
    if (this.#at === this.#end || this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }
}
