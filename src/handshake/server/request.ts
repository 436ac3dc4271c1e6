/**
 * A server's checks of a request, before it answers 101 (RFC 6455, 4.2.1; RFC 9112, 3 and 6).
 *
 * @module
 */

import { HandshakeError } from "../../errors.ts";
import type { Head } from "../../http/head.ts";
import { addOptions, type Option } from "../../http/option.ts";
import { addListRanges, addListTokens, listHasToken } from "../../http/token.ts";
import { isBase64Of16 } from "../base64.ts";
import { checkHost, checkTarget } from "./target.ts";

/** The only version of the protocol. */
const version = "13";

const protocolHeader = "sec-websocket-protocol";

/**
 * Checks the common rules of every request: version, method, target, Host, no body. Changes a target in absolute form to its path
 * in the head, so call it once.
 *
 * @throws {HandshakeError} `BAD_PROTOCOL`, `BAD_METHOD`, `MALFORMED_REQUEST`, `BAD_HOST`, `BAD_BODY`; checked in this order
 */
export function checkRequest(head: Head): void {
  // "The request MUST be ... HTTP/1.1 or higher" (RFC 6455, 4.2.1); other majors frame their messages otherwise
  if (head.major !== 1 || head.minor < 1) throw new HandshakeError("BAD_PROTOCOL");
  if (!head.isMethod("GET")) {
    throw new HandshakeError("BAD_METHOD", { headers: [["Allow", "GET"]] });
  }
  const authority = checkTarget(head);
  const host = single(head, "host", "BAD_HOST");
  checkHost(head, host, authority);
  checkNoBody(head);
}

/**
 * Checks a request that asks for no upgrade: version, target, Host. Its method and its body are checked elsewhere. Changes a
 * target in absolute form to its path in the head, so call it once.
 *
 * @throws {HandshakeError} `BAD_PROTOCOL`, `MALFORMED_REQUEST`, `BAD_HOST`; checked in this order
 */
export function checkPlainRequest(head: Head): void {
  if (head.major !== 1) throw new HandshakeError("BAD_PROTOCOL");
  const authority = isForServer(head) ? undefined : checkTarget(head);
  // "A server MUST respond with a 400 ... to any HTTP/1.1 request message that lacks a Host header field" (RFC 9112, 3.2)
  if (head.minor === 0 && head.find("host") < 0) return;
  checkHost(head, single(head, "host", "BAD_HOST"), authority);
}

/** Tells whether a request is about the server as a whole: `OPTIONS *` (RFC 9110, 9.3.7). */
export function isForServer(head: Head): boolean {
  return head.isMethod("OPTIONS") && head.target === "*";
}

/** Refuses a request with a body, since the bytes of a body could be read as frames. */
function checkNoBody(head: Head): void {
  if (head.find("transfer-encoding") >= 0) throw new HandshakeError("BAD_BODY");
  for (let i = head.find("content-length"); i >= 0; i = head.find("content-length", i + 1)) {
    if (!head.isValue(i, "0")) throw new HandshakeError("BAD_BODY");
  }
}

/**
 * Checks that a request is an opening handshake. The request must have passed {@link checkRequest}.
 *
 * @throws {HandshakeError} `BAD_UPGRADE` (426 if the header is missing), `BAD_CONNECTION`, `BAD_SEC_VERSION`, `UPGRADE_REQUIRED`,
 * `BAD_SEC_KEY`, `BAD_SUBPROTOCOL`; checked in this order
 */
export function checkUpgrade(head: Head): void {
  if (!isUpgrade(head)) throw upgradeRequired();
  if (!hasToken(head, "upgrade", "websocket")) throw new HandshakeError("BAD_UPGRADE");
  if (!hasToken(head, "connection", "upgrade")) throw new HandshakeError("BAD_CONNECTION");
  if (!head.isValue(single(head, "sec-websocket-version", "BAD_SEC_VERSION"), version)) {
    // "MUST abort the WebSocket handshake and send an appropriate HTTP error code (such as 426 Upgrade Required) and a
    // |Sec-WebSocket-Version| header field indicating the version(s) the server is capable of" (RFC 6455, 4.2.2)
    throw new HandshakeError("UPGRADE_REQUIRED", {
      headers: [...upgradeHeaders, ["Sec-WebSocket-Version", version]],
    });
  }
  const key = single(head, "sec-websocket-key", "BAD_SEC_KEY");
  if (!isBase64Of16(head.bytes, head.valueStart(key), head.valueEnd(key))) {
    throw new HandshakeError("BAD_SEC_KEY");
  }
  checkProtocols(head);
}

/** Tells whether a request asks for an upgrade at all. */
export function isUpgrade(head: Head): boolean {
  return head.find("upgrade") >= 0;
}

/**
 * Tells whether a request asks for a WebSocket, correctly or not. An upgrade to another protocol, such as h2c, may be ignored
 * (RFC 9110, 7.8).
 */
export function asksForWebSocket(head: Head): boolean {
  if (!isUpgrade(head)) return false;
  return hasToken(head, "upgrade", "websocket") || head.find("sec-websocket-key") >= 0;
}

const upgradeHeaders = [["Upgrade", "websocket"]] as const;

/** Makes the refusal of a plain request to a port for WebSockets, as RFC 9110, 15.5.22 demands. */
export function upgradeRequired(): HandshakeError {
  return new HandshakeError("BAD_UPGRADE", {
    message: "This port speaks WebSocket: an Upgrade header is required",
    status: 426,
    headers: upgradeHeaders,
  });
}

/** Finds a header that must occur exactly once. */
function single(
  head: Head,
  name: string,
  code: "BAD_HOST" | "BAD_SEC_VERSION" | "BAD_SEC_KEY",
): number {
  const index = head.find(name);
  if (index < 0) throw new HandshakeError(code, { message: `Header is missing: ${name}` });
  if (head.find(name, index + 1) >= 0) {
    throw new HandshakeError(code, { message: `Header came more than once: ${name}` });
  }
  return index;
}

/** Tells whether a header with `name` contains `token`. */
function hasToken(head: Head, name: string, token: string): boolean {
  for (let i = head.find(name); i >= 0; i = head.find(name, i + 1)) {
    if (listHasToken(head.bytes, head.valueStart(i), head.valueEnd(i), token)) return true;
  }
  return false;
}

/** Up to this number of subprotocols are compared byte by byte. For more, strings are made, so that the time stays linear. */
const fewProtocols = 8;

/** Checks the offered subprotocols. For the usual small number, no strings are made. */
function checkProtocols(head: Head): void {
  const first = head.find(protocolHeader);
  if (first < 0) return;
  const ranges: number[] = [];
  for (let i = first; i >= 0; i = head.find(protocolHeader, i + 1)) {
    if (!addListRanges(ranges, head.bytes, head.valueStart(i), head.valueEnd(i))) {
      throw new HandshakeError("BAD_SUBPROTOCOL");
    }
  }
  // A line may be empty, but not the whole list: 1#token (RFC 6455, 4.3). A malformed request must be refused (4.2.1).
  if (ranges.length === 0) throw new HandshakeError("BAD_SUBPROTOCOL");
  if (ranges.length > 2 * fewProtocols) offeredProtocols(head);
  else if (hasTwins(head.bytes, ranges)) throw new HandshakeError("BAD_SUBPROTOCOL");
}

/** Tells whether two ranges contain the same bytes. Each range is a start and an end. */
function hasTwins(bytes: Uint8Array, ranges: readonly number[]): boolean {
  for (let one = 2; one < ranges.length; one += 2) {
    for (let other = 0; other < one; other += 2) {
      if (equalRanges(bytes, ranges[one], ranges[one + 1], ranges[other], ranges[other + 1])) {
        return true;
      }
    }
  }
  return false;
}

function equalRanges(
  bytes: Uint8Array,
  start: number,
  end: number,
  otherStart: number,
  otherEnd: number,
): boolean {
  if (end - start !== otherEnd - otherStart) return false;
  for (let i = 0; i < end - start; i++) {
    if (bytes[start + i] !== bytes[otherStart + i]) return false;
  }
  return true;
}

/**
 * Gives the offered subprotocols, in the client's order of preference (RFC 6455, 11.3.4).
 *
 * @throws {HandshakeError} `BAD_SUBPROTOCOL`: one is not a token or is repeated, or the header is empty
 */
export function offeredProtocols(head: Head): string[] {
  const first = head.find(protocolHeader);
  if (first < 0) return [];
  const tokens: string[] = [];
  for (let i = first; i >= 0; i = head.find(protocolHeader, i + 1)) {
    if (!addListTokens(tokens, head.bytes, head.valueStart(i), head.valueEnd(i))) {
      throw new HandshakeError("BAD_SUBPROTOCOL");
    }
  }
  if (tokens.length === 0) throw new HandshakeError("BAD_SUBPROTOCOL");
  // "The elements that comprise this value MUST ... all be unique strings" (RFC 6455, 4.1)
  if (new Set(tokens).size !== tokens.length) throw new HandshakeError("BAD_SUBPROTOCOL");
  return tokens;
}

/**
 * Gives the offered extensions of all lines, in the client's order of preference (RFC 6455, 9.1).
 *
 * @throws {HandshakeError} `MALFORMED_REQUEST`
 */
export function offeredExtensions(head: Head): Option[] {
  const offers: Option[] = [];
  const name = "sec-websocket-extensions";
  let count = 0;
  for (let i = head.find(name); i >= 0; i = head.find(name, i + 1), count++) {
    if (!addOptions(offers, head.bytes, head.valueStart(i), head.valueEnd(i))) {
      throw malformedExtensions();
    }
  }
  // A line may be empty, but not the whole list.
  if (count > 0 && offers.length === 0) throw malformedExtensions();
  return offers;
}

/** Makes the refusal of a malformed Sec-WebSocket-Extensions. */
export function malformedExtensions(): HandshakeError {
  return new HandshakeError("MALFORMED_REQUEST", {
    message: "Sec-WebSocket-Extensions is not a list of extensions",
  });
}
