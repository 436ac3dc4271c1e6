/**
 * Writes a client's request, and checks the server's response (RFC 6455, 4.1).
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

/** The offer of a client. */
export interface Offer {
  /** Subprotocols, the preferred one first. */
  readonly protocols: readonly string[];
  readonly extensions: readonly Option[];
  /** Headers, in addition to those of the handshake. */
  readonly header: HeaderPairs;
}

/** The parts of the offer that a server chose. */
export interface DialAnswer {
  readonly protocol: string;
  readonly extensions: readonly Option[];
}

/** Headers that the handshake itself writes. */
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

/** Makes a random Sec-WebSocket-Key: "a nonce ... consisting of a randomly selected 16-byte value" (RFC 6455, 4.1). */
export function newKey(): string {
  const nonce = crypto.getRandomValues(new Uint8Array(16));
  const key = new Uint8Array(24);
  base64Into(key, 0, nonce);
  return latin1(key, 0, key.length);
}

/**
 * Checks an offer before the client connects.
 *
 * @throws {TypeError} A subprotocol is not a token or is repeated; a header belongs to the handshake, or may not be sent.
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
 * @param offer An offer that has passed {@link checkOffer}.
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
 * Checks a response with status 101 by the client's six demands (RFC 6455, 4.1), and gives its content.
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

/** Gives the extensions of a response; undefined if they are malformed, were not offered, or are repeated. */
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
