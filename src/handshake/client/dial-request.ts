/**
 * What a client asks with, and what it demands of the answer (RFC 6455, 4.1).
 *
 * @module
 */

import { latin1, writeLatin1 } from "../../bytes.ts";
import { type DialCode, DialError, type HeaderPairs } from "../../errors.ts";
import type { Head } from "../../http/head.ts";
import { type Option, parseOptions, writeOptions } from "../../http/option.ts";
import { isToken, listHasToken } from "../../http/token.ts";
import { headerLines } from "../../http/write.ts";
import { acceptKey } from "../accept.ts";
import { base64Into } from "../base64.ts";

/** What a client offers. */
export interface Offer {
  /** Subprotocols, the one liked best first. */
  readonly protocols: readonly string[];
  readonly extensions: readonly Option[];
  /** Headers beside the handshake's own. */
  readonly header: HeaderPairs;
}

/** What a server chose of it. */
export interface DialAnswer {
  readonly protocol: string;
  readonly extensions: readonly Option[];
}

/** Headers that the request's writer writes itself. */
const ownHeaders = new Set([
  "host",
  "upgrade",
  "connection",
  "sec-websocket-key",
  "sec-websocket-version",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
  "content-length",
  "transfer-encoding",
]);

/** Draws a Sec-WebSocket-Key: "a nonce ... consisting of a randomly selected 16-byte value" (RFC 6455, 4.1). */
export function newKey(): string {
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  const key = new Uint8Array(24);
  base64Into(key, 0, nonce);
  return latin1(key, 0, key.length);
}

/**
 * Checks an offer, before anything is connected to.
 *
 * @throws {TypeError} A subprotocol that is no token or comes twice; a header that the handshake writes itself, or that
 * may not be sent.
 */
export function checkOffer({ protocols, extensions, header }: Offer): void {
  for (const protocol of protocols) {
    if (!isToken(protocol)) {
      throw new TypeError(`Subprotocol is not a token: ${JSON.stringify(protocol)}`);
    }
  }
  if (new Set(protocols).size < protocols.length) {
    throw new TypeError(`Subprotocols must differ: ${protocols.join(", ")}`);
  }
  for (const [name] of header) {
    if (ownHeaders.has(name.toLowerCase())) {
      throw new TypeError(`Header is written by the handshake itself: ${name}`);
    }
  }
  headerLines(header);
  writeOptions(extensions);
}

/**
 * Writes the request.
 *
 * @param offer One that passed {@link checkOffer}.
 * @returns A new array, yours.
 */
export function writeDialRequest(
  target: string,
  host: string,
  key: string,
  { protocols, extensions, header }: Offer,
): Uint8Array<ArrayBuffer> {
  const headers: [name: string, value: string][] = [
    ["Host", host],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Version", "13"],
    ["Sec-WebSocket-Key", key],
  ];
  if (protocols.length > 0) headers.push(["Sec-WebSocket-Protocol", protocols.join(", ")]);
  if (extensions.length > 0) {
    headers.push(["Sec-WebSocket-Extensions", writeOptions(extensions)]);
  }
  const text = `GET ${target} HTTP/1.1\r\n${headerLines(headers)}${headerLines(header)}\r\n`;
  const bytes = new Uint8Array(text.length);
  writeLatin1(bytes, 0, text);
  return bytes;
}

/**
 * Checks a response with status 101, and gives what it says (RFC 6455, 4.1, the client's six demands).
 *
 * @throws {DialError} `BAD_UPGRADE`, `BAD_CONNECTION`, `BAD_SEC_ACCEPT`, `BAD_EXTENSIONS`, `BAD_SUBPROTOCOL`
 */
export function checkAnswer(head: Head, key: string, offer: Offer): DialAnswer {
  const fail = (code: DialCode): DialError =>
    new DialError(code, { status: head.status, headers: [...head.entries()] });
  if (head.get("upgrade")?.toLowerCase() !== "websocket") throw fail("BAD_UPGRADE");
  if (!namesUpgrade(head)) throw fail("BAD_CONNECTION");
  if (head.get("sec-websocket-accept") !== acceptKey(key)) throw fail("BAD_SEC_ACCEPT");

  const extensions = chosenExtensions(head, offer.extensions);
  if (extensions === undefined) throw fail("BAD_EXTENSIONS");
  const protocol = head.get("sec-websocket-protocol");
  if (protocol !== undefined && !offer.protocols.includes(protocol)) throw fail("BAD_SUBPROTOCOL");
  return { protocol: protocol ?? "", extensions };
}

function namesUpgrade(head: Head): boolean {
  const name = "connection";
  for (let i = head.find(name); i >= 0; i = head.find(name, i + 1)) {
    if (listHasToken(head.bytes, head.valueStart(i), head.valueEnd(i), "upgrade")) return true;
  }
  return false;
}

/** Gives the extensions of a response, or undefined where they are malformed, were not offered, or come twice. */
function chosenExtensions(head: Head, offered: readonly Option[]): Option[] | undefined {
  const chosen: Option[] = [];
  const name = "sec-websocket-extensions";
  for (let i = head.find(name); i >= 0; i = head.find(name, i + 1)) {
    const options = parseOptions(head.bytes, head.valueStart(i), head.valueEnd(i));
    if (options === undefined) return undefined;
    chosen.push(...options);
  }
  const names = chosen.map((option) => option.name);
  if (new Set(names).size < names.length) return undefined;
  return names.every((name) => offered.some((offer) => offer.name === name)) ? chosen : undefined;
}
