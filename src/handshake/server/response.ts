/**
 * The responses of a server: 101, a refusal, or a page (RFC 6455, 4.2.2).
 *
 * @module
 */

import { checkTextOrBytes } from "../../arguments.ts";
import { copy, encodeUtf8, noBytes, writeLatin1 } from "../../bytes.ts";
import { HandshakeError, type HeaderPairs, LimitError, TimeoutError } from "../../errors.ts";
import type { Head } from "../../http/head.ts";
import { type Option, writeOptions } from "../../http/option.ts";
import { type GivenHeaders, toHeaderPairs } from "../../http/headers.ts";
import { httpDate } from "../../http/date.ts";
import { isToken } from "../../http/token.ts";
import { headerLines, writeResponse } from "../../http/write.ts";
import { acceptInto, AcceptSize } from "../accept.ts";

/** The content of a 101 response, beside Sec-WebSocket-Accept. */
export interface UpgradeResponse {
  /** The chosen subprotocol, one of those offered. Default: none. */
  readonly protocol?: string | undefined;
  /** The accepted extensions, each one of those offered. Default: none. */
  readonly extensions?: readonly Option[] | undefined;
  /** Headers to add, such as cookies. Default: none. */
  readonly headers?: GivenHeaders | undefined;
}

const beforeAccept: Uint8Array = /* @__PURE__ */ encodeUtf8(
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ",
);

/** Headers that the handshake itself writes (RFC 6455, 11.3). */
const ownHeaders = new Set([
  "upgrade",
  "connection",
  "sec-websocket-accept",
  "sec-websocket-protocol",
  "sec-websocket-extensions",
  "content-length",
  "transfer-encoding",
]);

/**
 * Writes the response that opens the connection.
 *
 * @param head A request that has passed checkUpgrade.
 * @param offered The subprotocols of the request.
 * @returns A new array, yours.
 * @throws {TypeError} A header may not be sent, or belongs to the handshake; the subprotocol was not offered.
 */
export function writeUpgrade(
  head: Head,
  offered: readonly string[],
  { protocol, extensions, headers }: UpgradeResponse = {},
): Uint8Array<ArrayBuffer> {
  if (protocol !== undefined && !offered.includes(protocol)) {
    throw new TypeError(`Subprotocol was not offered: ${JSON.stringify(protocol)}`);
  }
  if (protocol !== undefined && !isToken(protocol)) {
    throw new TypeError(`Subprotocol is not a token: ${JSON.stringify(protocol)}`);
  }
  let after = "\r\n";
  if (protocol !== undefined) after += `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  if (extensions !== undefined && extensions.length > 0) {
    after += `Sec-WebSocket-Extensions: ${writeOptions(extensions)}\r\n`;
  }
  if (headers !== undefined) {
    const added = toHeaderPairs(headers);
    checkOwnHeaders(added);
    after += headerLines(added);
  }
  after += "\r\n";

  const bytes = new Uint8Array(beforeAccept.length + AcceptSize + after.length);
  copy(bytes, 0, beforeAccept, 0, beforeAccept.length);
  const key = head.valueStart(head.find("sec-websocket-key"));
  acceptInto(bytes, beforeAccept.length, head.bytes, key);
  writeLatin1(bytes, beforeAccept.length + AcceptSize, after);
  return bytes;
}

/**
 * Checks headers that are added to those of the handshake.
 *
 * @throws {TypeError} A header may not be sent, or belongs to the handshake.
 */
export function checkOwnHeaders(headers: HeaderPairs): void {
  headerLines(headers);
  for (const [name] of headers) {
    if (ownHeaders.has(name.toLowerCase())) {
      throw new TypeError(`Header is written by the handshake itself: ${name}`);
    }
  }
}

/** A response to a request that does not ask for an upgrade. */
export interface HttpReply {
  /** HTTP status, 200 to 599. Default: 200. */
  readonly status?: number;
  /** Headers, in addition to Connection and Content-Length. Default: a Content-Type of plain text. */
  readonly headers?: GivenHeaders;
  /** Body of the response. Default: empty. */
  readonly body?: string | Uint8Array;
}

/**
 * Checks the headers and the body of a response other than 101.
 *
 * @throws {TypeError} A header may not be sent, or is written by the server; the body is neither a string nor bytes.
 */
export function checkReply(headers: HeaderPairs, body: string | Uint8Array): void {
  headerLines(headers);
  checkReplyHeaders(headers);
  checkTextOrBytes("body", body);
}

/** Checks the names of a hook's headers. @throws {TypeError} The server itself writes one of them. */
export function checkReplyHeaders(headers: HeaderPairs): void {
  for (const [name] of headers) {
    if (/^(?:connection|content-length|transfer-encoding)$/i.test(name)) {
      throw new TypeError(`Header is written by the server itself: ${name}`);
    }
  }
}

const plainText: HeaderPairs = [["Content-Type", "text/plain; charset=utf-8"]];

/**
 * Writes a whole response, after which the connection ends. So bytes after the request cannot be read as another request.
 *
 * @param method Method of the request. The response to HEAD has no body.
 * @returns A new array, yours.
 * @throws {TypeError} A header may not be sent, or is written by the server; the body is neither a string nor bytes.
 * @throws {RangeError} `status` is not an integer from 200 to 599.
 */
export function writeReply(
  { status = 200, headers: given = plainText, body = "" }: HttpReply,
  method?: string,
): Uint8Array<ArrayBuffer> {
  if (status < 200) throw new RangeError(`Status of a final response starts at 200: ${status}`);
  const headers = toHeaderPairs(given);
  checkReply(headers, body);
  // "A sender of Upgrade MUST also send an Upgrade connection option" (RFC 9110, 7.8)
  const connection = hasHeader(headers, "upgrade") ? "Upgrade, close" : "close";
  const bytes = typeof body === "string" ? encodeUtf8(body) : body;
  // "A server MUST NOT send a Content-Length header field in any response with a status code of ... 204" (RFC 9110, 8.6)
  const bodiless = status === 204 || status === 304;
  const framing: [name: string, value: string][] = [["Connection", connection]];
  if (!bodiless) framing.push(["Content-Length", String(bytes.length)]);
  // "An origin server with a clock MUST generate a Date header field in all 2xx, 3xx, and 4xx responses" (RFC 9110, 6.6.1)
  if (!hasHeader(headers, "date")) framing.push(["Date", httpDate()]);
  // "The HEAD method is identical to GET except that the server MUST NOT send content" (RFC 9110, 9.3.2)
  const content = bodiless || method === "HEAD" ? noBytes : bytes;
  return writeResponse(status, [...framing, ...headers], content);
}

/**
 * Writes the response that refuses a request.
 *
 * The peer does not see the message of an error that is not framewire's own.
 *
 * @param method Method of the request, if it is known. The response to HEAD has no body.
 * @returns A new array, yours.
 */
export function writeRefusal(error: unknown, method?: string): Uint8Array<ArrayBuffer> {
  const { status, headers, body, message } = toHandshakeError(error);
  const typed = hasHeader(headers, "content-type") ? headers : [...plainText, ...headers];
  try {
    return writeReply({ status, headers: typed, body: body ?? `${message}\n` }, method);
  } catch {
    // The refusal's own headers may not be sent.
    return writeReply({ status: 500, body: "Internal error\n" }, method);
  }
}

function hasHeader(headers: HeaderPairs, lowerName: string): boolean {
  return headers.some(([name]) => name.toLowerCase() === lowerName);
}

/** Gives the refusal for an error. */
export function toHandshakeError(error: unknown): HandshakeError {
  if (error instanceof HandshakeError) return error;
  if (error instanceof LimitError) {
    return new HandshakeError("REJECTED", {
      message: error.message,
      status: error.status,
      cause: error,
    });
  }
  if (error instanceof TimeoutError && error.code === "HANDSHAKE_TIMEOUT") {
    return new HandshakeError("REJECTED", { message: error.message, status: 408, cause: error });
  }
  return new HandshakeError("INTERNAL", { cause: error });
}
