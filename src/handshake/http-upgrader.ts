/**
 * The server's side of the opening handshake where an HTTP server has read the request already.
 *
 * @module
 */

import { writeLatin1 } from "../bytes.ts";
import { targetBytes, tokenBytes, valueBytes } from "../http/token.ts";
import type { Awaitable, ByteStream } from "../io/byte-stream.ts";
import { BytesReader, writeAll } from "../io/full.ts";
import type { UpgradedStream } from "./upgraded-stream.ts";
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
   * Checks the request, asks the callbacks, answers.
   *
   * @param stream The connection, at the first byte that the HTTP server has not read.
   * @param head What the HTTP server has read behind the request: the first frames, perhaps. Copied.
   * @throws As {@link Upgrader.upgrade}.
   */
  upgrade(
    request: ParsedRequest,
    stream: ByteStream,
    head: Uint8Array = new Uint8Array(0),
  ): Promise<UpgradedStream<Context>> {
    return this.#upgrader.upgrade(new PrefixedStream(writeRequest(request, head), stream));
  }
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
  readonly #prefix: BytesReader;
  readonly #stream: ByteStream;

  constructor(prefix: Uint8Array, stream: ByteStream) {
    this.#prefix = new BytesReader(prefix);
    this.#stream = stream;
  }

  read(into: Uint8Array): Awaitable<number | null> {
    return this.#prefix.left > 0 ? this.#prefix.read(into) : this.#stream.read(into);
  }

  get writesWhole(): boolean {
    return true;
  }

  write(from: Uint8Array): Awaitable<number> {
    const written = writeAll(this.#stream, from);
    return written instanceof Promise ? written.then(() => from.length) : from.length;
  }

  close(): Awaitable<void> {
    return this.#stream.close();
  }
}

let defaultUpgrader: HttpUpgrader | undefined;

/**
 * Upgrades with all defaults.
 *
 * @param head What the HTTP server has read behind the request. Copied.
 * @throws As {@link Upgrader.upgrade}.
 * @see gobwas UpgradeHTTP, DefaultHTTPUpgrader
 */
export function upgradeHttp(
  request: ParsedRequest,
  stream: ByteStream,
  head?: Uint8Array,
): Promise<UpgradedStream> {
  return (defaultUpgrader ??= new HttpUpgrader()).upgrade(request, stream, head);
}
