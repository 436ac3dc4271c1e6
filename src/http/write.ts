/**
 * Writes heads of responses as bytes (RFC 9112, 4 and 5).
 *
 * @module
 */

import { checkBytes } from "../arguments.ts";
import { writeLatin1 } from "../bytes.ts";
import type { HeaderPairs } from "../errors.ts";
import { checkFieldValue, checkToken } from "./token.ts";

/** Reason phrases of common statuses. For others the reason is empty, as RFC 9112, 4 allows. */
const reasons: Readonly<Record<number, string>> = {
  101: "Switching Protocols",
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  422: "Unprocessable Content",
  426: "Upgrade Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};

/**
 * Writes header lines as text.
 *
 * @throws {TypeError} A name is not a token; a value is not a string, would end its line, or is not Latin-1.
 */
export function headerLines(headers: HeaderPairs): string {
  let lines = "";
  for (const [name, value] of headers) {
    checkToken("Header name", name);
    checkFieldValue(`header ${name}`, value);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

/** First lines by status, made when they are written first. */
const statusLines: string[] = [];

/** Writes the first line of a response. @throws {RangeError} `status` is not an integer from 100 to 599. */
export function statusLine(status: number): string {
  const line = statusLines[status - 100];
  if (line !== undefined) return line;
  if (!Number.isInteger(status) || status < 100 || status > 599) {
    throw new RangeError(`HTTP status must be an integer from 100 to 599: ${status}`);
  }
  return (statusLines[status - 100] = `HTTP/1.1 ${status} ${reasons[status] ?? ""}\r\n`);
}

/**
 * Writes a response.
 *
 * @param status 100 to 599.
 * @param headers Written in this order. The caller must include the headers about the body's length.
 * @param body The bytes after the head.
 * @returns A new array, yours.
 * @throws {TypeError} As {@link headerLines}; or `body` is not a Uint8Array.
 * @throws {RangeError} `status` is out of range.
 */
export function writeResponse(
  status: number,
  headers: HeaderPairs,
  body: Uint8Array,
): Uint8Array<ArrayBuffer> {
  checkBytes("body", body);
  const head = `${statusLine(status)}${headerLines(headers)}\r\n`;
  const bytes = new Uint8Array(head.length + body.length);
  writeLatin1(bytes, 0, head);
  bytes.set(body, head.length);
  return bytes;
}
