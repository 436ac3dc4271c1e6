/**
 * The server's side of the opening handshake, if an HTTP server has already read the request.
 *
 * @module
 */

import { checkBytes, kindOf } from "../../arguments.ts";
import { noBytes, writeLatin1 } from "../../bytes.ts";
import { targetBytes, tokenBytes, valueBytes } from "../../http/token.ts";
import type { Awaitable, ByteStream } from "../../io/byte-stream.ts";
import { closeQuietly } from "../../io/close-quietly.ts";
import { countOf } from "../../io/call-order.ts";
import { BytesReader } from "../../io/full.ts";
import { writeAll } from "../../io/write-all.ts";
import type { UpgradedStream } from "../upgraded-stream.ts";
import { Upgrader, type UpgraderOptions } from "./upgrader.ts";

/** A request as `node:http` has parsed it. The requests of other servers are easy to convert. */
export interface ParsedRequest {
  /** The method, such as "GET". */
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  /** The version, such as "1.1". */
  readonly httpVersion: string;
  /** Alternating names and values, in the order of the request. */
  readonly rawHeaders: readonly string[];
}

/**
 * Does handshakes on connections from an HTTP server, with the rules and the callbacks of {@link Upgrader}. It writes the request
 * as bytes again, so that both use the same checks.
 *
 * @example
 * const upgrader = new HttpUpgrader({ protocol: (name) => headerIs(name, "chat") });
 * httpServer.on("upgrade", async (request, socket, head) => {
 *   const stream = await upgrader.upgrade(request, newSocketStream(socket), head);
 * });
 *
 * @see gobwas HTTPUpgrader
 */
export class HttpUpgrader<Context = undefined> {
  readonly #upgrader: Upgrader<Context>;

  /**
   * Makes an upgrader, for any number of connections.
   *
   * @param options As for an Upgrader. Default: every client is accepted.
   */
  constructor(options: UpgraderOptions<Context> = {}) {
    this.#upgrader = new Upgrader(options);
  }

  /**
   * Checks the request, calls the callbacks, and answers. If it throws, it has answered and closed the stream, because an HTTP
   * server no longer cares for a connection that it has given away.
   *
   * @param stream The connection, at the first byte that the HTTP server has not read.
   * @param head Bytes that the HTTP server has read after the request, such as the first frames. Copied. Default: none.
   * @throws {TypeError} An argument is of a wrong type. Then nothing was answered.
   * @throws As {@link Upgrader.upgrade}.
   */
  async upgrade(
    request: ParsedRequest,
    stream: ByteStream,
    head: Uint8Array = noBytes,
  ): Promise<UpgradedStream<Context>> {
    checkStream(stream);
    try {
      checkParsed(request, head);
    } catch (error) {
      closeQuietly(stream);
      throw error;
    }
    return this.#upgrader.upgrade(new PrefixedStream(writeRequest(request, head), stream));
  }
}

/** Refuses an argument that is not a stream, since plain JavaScript may pass anything. */
function checkStream(stream: ByteStream): void {
  const { read, write, close } = (stream ?? {}) as Partial<ByteStream>;
  if (typeof read === "function" && typeof write === "function" && typeof close === "function") {
    return;
  }
  throw new TypeError(
    `stream must have read, write and close: ${kindOf(stream)}. Of a socket make one by newSocketStream()`,
  );
}

function checkParsed(request: ParsedRequest, head: Uint8Array): void {
  const { method, url, httpVersion, rawHeaders } = (request ?? {}) as Partial<ParsedRequest>;
  const isText = (value: unknown): boolean => value === undefined || typeof value === "string";
  if (!isText(method) || !isText(url) || typeof httpVersion !== "string") {
    throw new TypeError(
      `request must be one of node:http, or have its method, url and httpVersion as strings: ${kindOf(request)}`,
    );
  }
  if (!Array.isArray(rawHeaders) || !rawHeaders.every((text) => typeof text === "string")) {
    throw new TypeError(
      `request.rawHeaders must be an array of names and values in turn: ${kindOf(rawHeaders)}`,
    );
  }
  checkBytes("head", head, "a Uint8Array, or left out");
}

/**
 * Writes a request as it was on the wire, and the bytes after it.
 *
 * A part with a character that is not allowed becomes NUL. A NUL is never allowed, so the parser refuses it, and no part can look
 * like a line of its own.
 *
 * @returns Bytes that are yours.
 */
export function writeRequest(request: ParsedRequest, behind: Uint8Array): Uint8Array {
  const { method = "GET", url = "/", httpVersion, rawHeaders } = request;
  const version = only(tokenBytes, httpVersion);
  const line = `${only(tokenBytes, method)} ${only(targetBytes, url)} HTTP/${version}`;
  return writeParsedHead(line, rawHeaders, behind);
}

/**
 * Writes a head that other code has parsed. A header that is not allowed becomes NUL.
 *
 * @param line The first line, already checked.
 * @param rawHeaders Alternating names and values.
 * @returns Bytes that are yours.
 */
export function writeParsedHead(
  line: string,
  rawHeaders: readonly string[],
  behind: Uint8Array,
): Uint8Array {
  let head = `${line}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    head += `${only(tokenBytes, rawHeaders[i])}: ${only(valueBytes, rawHeaders[i + 1])}\r\n`;
  }
  head += "\r\n";
  const bytes = new Uint8Array(head.length + behind.length);
  writeLatin1(bytes, 0, head);
  bytes.set(behind, head.length);
  return bytes;
}

/** Gives `text`, or NUL if one of its characters is not in `set`. */
function only(set: Uint8Array, text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (set[text.charCodeAt(i)] !== 1) return "\0";
  }
  return text;
}

/** A stream with other bytes before it. */
class PrefixedStream implements ByteStream {
  /** The stream after these bytes. */
  readonly inner: ByteStream;
  readonly #prefix: BytesReader;

  constructor(prefix: Uint8Array, inner: ByteStream) {
    this.inner = inner;
    this.#prefix = new BytesReader(prefix);
  }

  read(into: Uint8Array): Awaitable<number | null> {
    return this.#prefix.left > 0 ? this.#prefix.read(into) : this.inner.read(into);
  }

  get writesWhole(): boolean {
    return true;
  }

  write(from: Uint8Array): Awaitable<number> {
    const { length } = from;
    return countOf(writeAll(this.inner, from), length);
  }

  close(): Awaitable<void> {
    return this.inner.close();
  }
}

let defaultUpgrader: HttpUpgrader | undefined;

/**
 * Upgrades with all defaults. If it throws, it has answered and closed the stream.
 *
 * @param head Bytes that the HTTP server has read after the request. Copied.
 * @throws As {@link HttpUpgrader.upgrade}.
 * @see gobwas UpgradeHTTP, DefaultHTTPUpgrader
 */
export async function upgradeHttp(
  request: ParsedRequest,
  stream: ByteStream,
  head?: Uint8Array,
): Promise<UpgradedStream> {
  return (defaultUpgrader ??= new HttpUpgrader()).upgrade(request, stream, head);
}
