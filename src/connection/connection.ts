/**
 * A connection as applications see it.
 *
 * @module
 */

import { encodeUtf8, noBytes } from "../bytes.ts";
import { PreparedMessage } from "../endpoint/prepared.ts";
import type { Closure } from "../errors.ts";
import { MaxReasonSize } from "../frame/close.ts";
import { MaxControlFramePayloadSize } from "../frame/header.ts";
import { isStatusSendable, type StatusCode, StatusNormalClosure } from "../status.ts";
import type { Link } from "./link.ts";

/** Where a connection stands: messages are delivered and sent while it is "open". */
export type ConnectionState = "open" | "closing" | "closed";

/** What may be sent as binary data. */
export type Binary = ArrayBuffer | ArrayBufferView;

/** How a message is sent. */
export interface SendOptions {
  /** Whether it may be compressed, where the connection compresses. Default: true. */
  readonly compress?: boolean | undefined;
}

/** What a connection was opened with. */
export interface ConnectionInfo<Context> {
  readonly protocol: string;
  readonly extensions: string;
  readonly target: string;
  readonly context: Context;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
}

/**
 * One WebSocket connection, on either side of it.
 *
 * @typeParam Context What the `upgrade` hook learned of the peer.
 */
export class Connection<Context = unknown> {
  readonly #link: Link<Context>;
  /** The subprotocol that was agreed on, "" for none. */
  readonly protocol: string;
  /** The extensions that were agreed on, as in Sec-WebSocket-Extensions; "" for none. */
  readonly extensions: string;
  /** Path and query of the request that opened the connection. */
  readonly target: string;
  /** What the `upgrade` hook gave; yours to change. */
  context: Context;
  /** The peer's IP address, where the transport knows it. */
  readonly remoteAddress: string | undefined;
  /** The peer's port, where the transport knows it. */
  readonly remotePort: number | undefined;

  /** For the library: connections come from `serve`. */
  constructor(link: Link<Context>, info: ConnectionInfo<Context>) {
    this.#link = link;
    this.protocol = info.protocol;
    this.extensions = info.extensions;
    this.target = info.target;
    this.context = info.context;
    this.remoteAddress = info.remoteAddress;
    this.remotePort = info.remotePort;
  }

  /** Where the connection stands. */
  get state(): ConnectionState {
    return this.#link.state;
  }

  /** Bytes of frames that wait for the network. */
  get bufferedAmount(): number {
    return this.#link.bufferedAmount;
  }

  /** How the connection ended; resolves when it has, and never rejects. */
  get closed(): Promise<Closure> {
    return this.#link.closed;
  }

  /**
   * Sends a message. All that is sent while a chunk is handled leaves in one write.
   *
   * @param data A string is sent as text, bytes as binary. They are copied: change them as you like afterwards. A message
   * for many connections is made by {@link prepareMessage}.
   * @returns Resolves when the unsent bytes are below `highWaterMark`: await it, and a slow peer slows you down.
   * Rejects with `ClosedError` where the connection is no longer open, and with `LimitError` `TOO_MUCH_BUFFERED`. A
   * rejection that nobody awaits is not reported as unhandled: `close` tells the same.
   * @throws {TypeError} `data` is neither.
   */
  send(data: string | Binary | PreparedMessage, options?: SendOptions): Promise<void> {
    if (data instanceof PreparedMessage) return this.#link.sendPrepared(data);
    const compress = options === undefined || options.compress !== false;
    return this.#link.send(typeof data === "string" ? data : toBytes(data), compress);
  }

  /**
   * Sends a ping; the peer's library answers it.
   *
   * @param payload At most 125 bytes. Default: empty.
   * @returns As {@link send}.
   * @throws {RangeError} The payload is too long.
   */
  ping(payload: string | Binary = noBytes): Promise<void> {
    const bytes = typeof payload === "string" ? encodeUtf8(payload) : toBytes(payload);
    if (bytes.length > MaxControlFramePayloadSize) {
      throw new RangeError(`Ping payload must have at most 125 bytes: ${bytes.length}`);
    }
    return this.#link.ping(bytes);
  }

  /**
   * Begins the closing handshake, or does nothing where it has begun. No message is delivered after it.
   *
   * @param status 1000 to 1003, 1007 to 1014 or 3000 to 4999. Default: 1000.
   * @param reason At most 123 bytes of UTF-8. Default: none.
   * @returns {@link closed}.
   * @throws {RangeError} A status that may not be sent, or a reason that is too long.
   */
  close(status: StatusCode = StatusNormalClosure, reason = ""): Promise<Closure> {
    if (!isStatusSendable(status)) throw new RangeError(`Status code may not be sent: ${status}`);
    if (typeof reason !== "string") throw new TypeError("Reason must be a string");
    const size = encodeUtf8(reason).length;
    if (size > MaxReasonSize) {
      throw new RangeError(`Reason must have at most ${MaxReasonSize} bytes: ${size}`);
    }
    this.#link.close(status, reason);
    return this.closed;
  }

  /** Drops the connection at once, without a closing handshake; what is unsent is lost. */
  terminate(): void {
    this.#link.terminate();
  }

  /** Closes with 1000 and waits for the end: `await using ws = ...`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Prepares a message for many connections: it is encoded once, and compressed once for all connections that compress
 * alike.
 *
 * Where a connection keeps its window, a prepared message makes it begin a new one.
 *
 * @param data A string is sent as text, bytes as binary; they are copied.
 * @throws {TypeError} `data` is neither.
 */
export function prepareMessage(data: string | Binary, options: SendOptions = {}): PreparedMessage {
  const { compress = true } = options;
  return new PreparedMessage(typeof data === "string" ? data : toBytes(data), compress);
}

/** @throws {TypeError} Not bytes. */
function toBytes(data: Binary): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (ArrayBuffer.isView(data))
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  throw new TypeError("Data must be a string, an ArrayBuffer or a view on one");
}
