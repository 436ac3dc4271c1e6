/**
 * A server's opening handshake over `node:http`: checks requests and answers them (RFC 6455, 4.2).
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type IncomingMessage, type OutgoingHttpHeaders, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { Extension } from "../../src/extension/extension.ts";
import { acceptOffers } from "../../src/extension/negotiation.ts";
import { acceptKey } from "../../src/handshake/accept.ts";
import { parseOptions, writeOptions } from "../../src/http/option.ts";
import { parsedUrl } from "../../src/http/url.ts";
import { parse as parseProtocols } from "./subprotocol.ts";

/** The content of a valid request. */
export interface Asked {
  readonly key: string;
  /** Sec-WebSocket-Version: 13, or 8. */
  readonly version: number;
  /** Offered subprotocols, in the client's order of preference. */
  readonly protocols: Set<string>;
  /** The value of Sec-WebSocket-Extensions in the response; "" for none. */
  readonly extensions: string;
}

/** Why a request is refused. */
export interface Wrong {
  readonly status: number;
  readonly message: string;
  readonly headers?: OutgoingHttpHeaders;
}

/** 16 bytes in base64. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/;

/** Checks a request for an upgrade. @returns Its content, or what is wrong with it. */
export function checkUpgradeRequest(request: IncomingMessage): Omit<Asked, "extensions"> | Wrong {
  const { method, headers } = request;
  const key = headers["sec-websocket-key"];
  const version = Number(headers["sec-websocket-version"]);
  if (method !== "GET") return { status: 405, message: "Invalid HTTP method" };
  if (headers.upgrade?.toLowerCase() !== "websocket") {
    return { status: 400, message: "Invalid Upgrade header" };
  }
  if (key === undefined || !keyPattern.test(key)) {
    return { status: 400, message: "Missing or invalid Sec-WebSocket-Key header" };
  }
  if (version !== 13 && version !== 8) {
    return {
      status: 400,
      message: "Missing or invalid Sec-WebSocket-Version header",
      headers: { "Sec-WebSocket-Version": "13, 8" },
    };
  }
  const offered = headers["sec-websocket-protocol"];
  try {
    return { key, version, protocols: offered === undefined ? new Set() : parseProtocols(offered) };
  } catch {
    return { status: 400, message: "Invalid Sec-WebSocket-Protocol header" };
  }
}

/** Gives the response's value of Sec-WebSocket-Extensions; "" for none, undefined if the request's header is malformed. */
export function answerExtensions(
  { headers }: IncomingMessage,
  extension: Extension | undefined,
): string | undefined {
  const header = headers["sec-websocket-extensions"];
  if (header === undefined || extension === undefined) return "";
  const offers = parseOptions(header);
  if (offers === undefined) return undefined;
  return writeOptions(acceptOffers([extension], offers).map(({ option }) => option));
}

/** Gives the host of a page's Origin; undefined if it names none. */
function hostOf(origin: string): string | undefined {
  return parsedUrl(origin)?.host;
}

/** Tells whether a page of another origin sends what a browser adds of a user by itself, such as cookies (RFC 6455, 10.2). */
export function isForeignPage({ headers }: IncomingMessage, version: number): boolean {
  const origin = headers[version === 8 ? "sec-websocket-origin" : "origin"];
  if (typeof origin !== "string") return false;
  const hasCredentials = headers.cookie !== undefined || headers.authorization !== undefined;
  return hasCredentials && hostOf(origin) !== headers.host?.toLowerCase();
}

/** Gives the lines of the response that opens a connection, without the two empty ones at its end. */
export function upgradeLines(
  { key, extensions }: Asked,
  protocol: string | false | undefined,
): string[] {
  const lines = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${acceptKey(key)}`,
  ];
  if (protocol) lines.push(`Sec-WebSocket-Protocol: ${protocol}`);
  if (extensions !== "") lines.push(`Sec-WebSocket-Extensions: ${extensions}`);
  return lines;
}

/** Refuses a request, and ends its connection. */
export function refuse(
  socket: Duplex,
  status: number,
  message: string = STATUS_CODES[status] ?? "",
  headers: OutgoingHttpHeaders = {},
): void {
  const all: OutgoingHttpHeaders = {
    Connection: "close",
    "Content-Type": "text/html",
    "Content-Length": Buffer.byteLength(message),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${String(value)}`);
  socket.once("finish", () => {
    socket.destroy();
  });
  const first = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`;
  socket.end(`${[first, ...lines].join("\r\n")}\r\n\r\n${message}`);
}
