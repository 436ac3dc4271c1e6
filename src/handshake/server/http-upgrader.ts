/**
 * The server's side of the opening handshake where an HTTP server has read the request already.
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

/** A request as `node:http` has parsed it; what other servers give is easily put in this form. */
export interface ParsedRequest {
  /** Such as "GET". */
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  /** Such as "1.1". */
  readonly httpVersion: string;
  /** Names and values in turn, in the order of the wire. */
  readonly rawHeaders: readonly string[];
}

/**
 * Does handshakes on connections that an HTTP server hands over, by the same rules and with the same callbacks as
 * {@link Upgrader}: the request is put together again, so that there is one check for both.
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
   * Makes an upgrader; one serves any number of connections.
   *
   * @param options As for an Upgrader. Default: everybody is let in.
   */
  constructor(options: UpgraderOptions<Context> = {}) {
    this.#upgrader = new Upgrader(options);
  }

  /**
   * Checks the request, asks the callbacks, answers. Where it throws, the stream is closed behind the answer: an HTTP
   * server that has handed a connection over does not look after it any more.
   *
   * @param stream The connection, at the first byte that the HTTP server has not read.
   * @param head What the HTTP server has read behind the request: the first frames, perhaps. Copied. Default: nothing.
   * @throws {TypeError} Something given is not what it should be; nothing has been answered then.
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

/** Refuses what is no stream at the call: plain JavaScript may give anything. */
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
 * Puts a request together as it was on the wire, with what came behind it.
 *
 * A part with a character that may not stand in it becomes NUL, which may stand nowhere: so the parser refuses it, and
 * nothing in it passes for a line of its own.
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
 * Puts a head together of what somebody else has parsed; a header that may not stand there becomes NUL.
 *
 * @param line The first line, in which nothing has to be looked for any more.
 * @param rawHeaders Names and values in turn.
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

/** Gives `text`, or NUL where one of its characters is not in `set`. */
function only(set: Uint8Array, text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (set[text.charCodeAt(i)] !== 1) return "\0";
  }
  return text;
}

/** A stream with bytes in front. */
class PrefixedStream implements ByteStream {
  /** The stream behind those bytes. */
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
 * Upgrades with all defaults. Where it throws, the stream is closed behind the answer.
 *
 * @param head What the HTTP server has read behind the request. Copied.
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
