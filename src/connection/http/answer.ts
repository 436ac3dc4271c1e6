/**
 * The answer of a hook to a plain request, and how it is written (RFC 9110, 9 and 15; RFC 9112, 6).
 *
 * @module
 */

import { isBytes } from "../../arguments.ts";
import {
  anything,
  checkOptions,
  number,
  type OptionTable,
  type Place,
} from "../../check-options.ts";
import { copy, encodeUtf8, noBytes, writeLatin1 } from "../../bytes.ts";
import type { HeaderPairs } from "../../errors.ts";
import type { HttpReply } from "../../handshake/server/response.ts";
import { checkReplyHeaders } from "../../handshake/server/response.ts";
import type { Awaitable } from "../../io/byte-stream.ts";
import { toHeaderPairs } from "../../http/headers.ts";
import { httpDateLine } from "../../http/date.ts";
import { headerLines, statusLine } from "../../http/write.ts";
import { borrowBuffer } from "../../endpoint/pool.ts";
import { toBytes } from "../data.ts";
import { type BodySource, isSource, sourceOf } from "./body-source.ts";
import type { HttpRequest } from "./request.ts";

/** The answer to a plain request. */
export interface HttpAnswer extends Omit<HttpReply, "body"> {
  /**
   * Text or bytes; or pieces of either, as an async iterable such as a `ReadableStream`. The next piece is asked for when the
   * client has taken the previous one. If the source fails, the connection is dropped, so that the client does not take a part
   * for the whole. If the client leaves or wants no body, the source's `return` is called, or a stream's `cancel`. Default:
   * empty.
   */
  readonly body?: string | Uint8Array | AsyncIterable<string | Uint8Array>;
}

/** Answers a plain request. @param request Yours to keep. */
export type HttpHandler = (request: HttpRequest) => Awaitable<HttpAnswer>;

/**
 * Handlers by method, such as "GET" and "POST". The handler of GET also answers HEAD and OPTIONS, if they have no handler of
 * their own.
 */
export type HttpMethods = Readonly<Record<string, HttpHandler>>;

/** An answer in the form in which it is sent. */
export interface Answer {
  readonly status: number;
  readonly headers: HeaderPairs;
  /** Text must be ASCII: {@link textBody} makes it so. */
  readonly body: string | Uint8Array | BodySource;
  /** Number of bytes that the source will give; undefined if it is unknown. */
  readonly length?: number | undefined;
}

/** Characters up to which a text is written behind its head at once. An encoder's call costs less for longer ones. */
const fewCharacters = 512;

/** Gives a text in the form of an answer's body: as it is if it is short ASCII, otherwise as bytes. */
export function textBody(text: string): string | Uint8Array {
  if (text.length > fewCharacters) return encodeUtf8(text);
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return encodeUtf8(text);
  return text;
}

const plainText: HeaderPairs = [["Content-Type", "text/plain; charset=utf-8"]];
/** The lines of {@link plainText}, as they are written. */
const plainTextLines: string = /* @__PURE__ */ headerLines(plainText);

/**
 * Unknown names are refused: a body under another name would otherwise be an empty answer. Headers and body are checked where
 * they are used.
 */
const answerTable: OptionTable<HttpAnswer> = { status: number, headers: anything, body: anything };
const place: Place = { what: "field", path: "http().", example: '{ status: 200, body: "ok" }' };

/**
 * Makes an answer from what a hook has returned.
 *
 * @throws {TypeError} It is not an object, or has an unknown name; a header may not be sent, or is written by the server; the
 * body has a wrong type.
 */
export function answerOf(given: HttpAnswer): Answer {
  checkOptions(given, answerTable, place);
  const { status = 200, headers: own = plainText, body = noBytes } = given;
  const headers = own === plainText ? plainText : toHeaderPairs(own);
  if (headers !== plainText) checkReplyHeaders(headers);
  if (typeof body === "string") return { status, headers, body: textBody(body) };
  if (isBytes(body)) return { status, headers, body: toBytes(body) };
  if (isSource(body)) return { status, headers, body: sourceOf(body) };
  throw new TypeError(
    `body must be a string, a Uint8Array or an async iterable of them: ${String(body)}`,
  );
}

/** Gives the methods of a path, in the form of an Allow header. */
export function allowedMethods(http: HttpHandler | HttpMethods | undefined): string {
  const own = typeof http === "object" ? Object.keys(http) : ["GET"];
  const derived = own.includes("GET") ? ["HEAD", "OPTIONS"] : ["OPTIONS"];
  return [...new Set([...own, ...derived])].join(", ");
}

/** Gives the handler for a method; undefined if there is none. */
export function handlerOf(
  http: HttpHandler | HttpMethods,
  method: string,
): ((request: HttpRequest) => Awaitable<HttpAnswer>) | undefined {
  if (typeof http === "object" && Object.hasOwn(http, method)) return http[method];
  const get = typeof http === "function" ? http : Object.hasOwn(http, "GET") ? http.GET : undefined;
  switch (method) {
    case "GET":
    case "HEAD":
      return get;
    case "OPTIONS":
      return (request) => optionsOf(http, get, request);
    default:
      return undefined;
  }
}

/**
 * Answers OPTIONS. If GET would succeed, the answer is 204 with the allowed methods; otherwise it is the answer of GET. So a
 * health check gets the same result with either method.
 */
async function optionsOf(
  http: HttpHandler | HttpMethods,
  get: HttpHandler | undefined,
  request: HttpRequest,
): Promise<HttpAnswer> {
  const allow = ["Allow", allowedMethods(http)] as const;
  const answer = await get?.(request);
  const { status = 200, headers = plainText, body } = answer ?? {};
  if (status >= 400) return { ...answer, headers: [...toHeaderPairs(headers), allow] };
  if (body !== undefined && isSource(body)) sourceOf(body).cancel(undefined);
  return { status: 204, headers: [allow] };
}

/** How the body of an answer is written. */
export type AnswerFraming = "none" | "whole" | "chunked" | "length" | "close";

/** Tells whether a body is known as a whole. */
export function isWhole(body: Answer["body"]): body is string | Uint8Array {
  return typeof body === "string" || body instanceof Uint8Array;
}

/**
 * Tells how the body of an answer is written (RFC 9110, 8.6 and 9.3.2; RFC 9112, 6).
 *
 * @param knowsChunks Whether the client knows the chunked coding. A client with HTTP/1.0 does not.
 */
export function framingOf(
  { status, body, length }: Answer,
  isHead: boolean,
  knowsChunks: boolean,
): AnswerFraming {
  if (status === 204 || status === 304 || isHead) return "none";
  if (isWhole(body)) return "whole";
  if (length !== undefined) return "length";
  return knowsChunks ? "chunked" : "close";
}

/** A written answer. */
export interface WrittenAnswer {
  /** Holds the answer at its start. */
  readonly buffer: Uint8Array;
  /** Number of bytes of the answer. */
  readonly size: number;
}

/** Answers of up to this size lie in buffers of the pool. An array of its own for each would leave much garbage. */
const largestLent = 4 * 1024;

/**
 * Writes the head of an answer, and its body if that is known as a whole.
 *
 * @param connection The header lines that say whether the connection stays open.
 * @returns A buffer to give to `returnBuffer` when it has been sent, and the number of bytes to send of it.
 * @throws {TypeError} A header may not be sent.
 * @throws {RangeError} `status` is not an integer from 200 to 599.
 */
export function writeAnswer(
  answer: Answer,
  framing: AnswerFraming,
  connection: string,
): WrittenAnswer {
  const { status, headers, body } = answer;
  if (status < 200) throw new RangeError(`Status of a final response starts at 200: ${status}`);
  const lines = headers === plainText ? plainTextLines : headerLines(headers);
  const head = `${statusLine(status)}${dateLine(headers)}${connection}${lengthLine(answer, framing)}${lines}\r\n`;
  const content = framing === "whole" ? (body as string | Uint8Array) : noBytes;
  const size = head.length + content.length;
  // A larger one would hold too much for a client that is slow to take it.
  const buffer = size <= largestLent ? borrowBuffer(size) : new Uint8Array(size);
  writeLatin1(buffer, 0, head);
  if (typeof content === "string") writeLatin1(buffer, head.length, content);
  else copy(buffer, head.length, content, 0, content.length);
  return { buffer, size };
}

function dateLine(headers: HeaderPairs): string {
  for (const [name] of headers) if (name.length === 4 && name.toLowerCase() === "date") return "";
  return httpDateLine();
}

/** "A server MUST NOT send a Content-Length header field in any response with a status code of ... 204" (RFC 9110, 8.6) */
function lengthLine({ status, body, length }: Answer, framing: AnswerFraming): string {
  if (framing === "chunked") return "Transfer-Encoding: chunked\r\n";
  if (status === 204 || status === 304 || framing === "close") return "";
  const size = isWhole(body) ? body.length : length;
  return size === undefined ? "" : `Content-Length: ${size}\r\n`;
}
