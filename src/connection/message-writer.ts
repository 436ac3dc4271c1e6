/**
 * A message that is sent in pieces.
 *
 * @module
 */

import { encodeUtf8, noBytes } from "../bytes.ts";
import { OpBinary, OpText } from "../frame/opcode.ts";
import type { WebWritable } from "../web-streams.ts";
import { type Binary, toBytes } from "./data.ts";
import type { Data } from "./handlers.ts";
import type { Outbox } from "./outbox.ts";

/** How a message in pieces is sent. */
export interface MessageOptions {
  /** Whether it is binary, made of bytes; otherwise it is text, made of strings. Default: false. */
  readonly binary?: boolean | undefined;
  /** Whether it may be compressed, where the connection compresses. Default: true. */
  readonly compress?: boolean | undefined;
}

const highSurrogate = /[\uD800-\uDBFF]$/;

/**
 * Sends one message piece by piece, each of them a frame. It takes its place among the other messages at its first
 * piece: those that are sent while it is under way wait until it is complete. Pings and pongs go in between.
 *
 * A message that was begun has to be completed; {@link abort} can only end the connection with it.
 *
 * @example
 * const message = ws.beginMessage({ binary: true });
 * for await (const chunk of file) await message.write(chunk);
 * await message.close();
 */
export class MessageWriter {
  readonly #outbox: Outbox;
  readonly #fail: (error: unknown) => void;
  readonly #isBinary: boolean;
  readonly #compress: boolean;
  #began: Promise<void> | undefined;
  #isUnderWay = false;
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;
  #aborted: { readonly reason: unknown } | undefined;
  /** A high surrogate at the end of a piece: its other half begins the next one. */
  #surrogate = "";
  #writable: WritableStream<Data> | undefined;

  /** @internal For the library: writers come from `beginMessage`. */
  constructor(
    outbox: Outbox,
    { binary = false, compress = true }: MessageOptions,
    fail: (error: unknown) => void,
  ) {
    this.#outbox = outbox;
    this.#isBinary = binary;
    this.#compress = compress;
    this.#fail = fail;
  }

  /**
   * Sends a piece.
   *
   * @param data A string where the message is text, bytes where it is binary; they are copied.
   * @returns Resolves when the next piece is welcome. Rejects with `ClosedError` where the connection is over.
   * @throws {TypeError} The other kind of data; the message is complete.
   */
  write(data: string | Binary): Promise<void> {
    if (this.#isClosed) throw new TypeError("Message is complete");
    const bytes = this.#encode(data);
    // An empty frame tells nobody anything.
    return bytes.length === 0 ? this.#last : this.#send(bytes, false);
  }

  /** Completes the message. A second call does nothing. */
  close(): Promise<void> {
    if (this.#isClosed) return this.#last;
    this.#isClosed = true;
    const rest = this.#surrogate === "" ? noBytes : encodeUtf8(this.#surrogate);
    return this.#send(rest, true);
  }

  /** Gives the message up. Where a part of it was sent, that ends the connection with 1011, since nothing may follow. */
  abort(reason: unknown = new Error("Message was aborted")): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#isUnderWay) this.#fail(reason);
    else this.#aborted = { reason };
  }

  /** The writer as a `WritableStream`; aborting that is {@link abort}. */
  get writable(): WebWritable {
    this.#writable ??= new WritableStream<Data>(
      {
        write: (chunk) => this.write(chunk),
        close: () => this.close(),
        abort: (reason) => {
          this.abort(reason);
        },
      },
      { highWaterMark: 1 },
    );
    return this.#writable as unknown as WebWritable;
  }

  #encode(data: string | Binary): Uint8Array {
    if (typeof data !== "string") {
      if (!this.#isBinary) throw new TypeError("A text message is made of strings");
      // A copy: it may wait for its turn.
      return toBytes(data).slice();
    }
    if (this.#isBinary) throw new TypeError("A binary message is made of bytes");
    const text = this.#surrogate + data;
    this.#surrogate = highSurrogate.test(text) ? text.slice(-1) : "";
    return encodeUtf8(this.#surrogate === "" ? text : text.slice(0, -1));
  }

  /** Sends behind what was written before, also where that was not awaited. */
  #send(bytes: Uint8Array, isLast: boolean): Promise<void> {
    this.#began ??= this.#begin();
    const done = Promise.all([this.#began, this.#last]).then(() =>
      this.#outbox.sendPiece(bytes, isLast),
    );
    this.#last = done;
    // Nobody need await every piece: `closed` tells the same.
    done.catch(() => {});
    return done;
  }

  async #begin(): Promise<void> {
    // Where it can, at once: what is sent next, before anybody awaits this, comes behind it.
    if (this.#outbox.isFree) this.#outbox.check();
    else await this.#outbox.turn();
    if (this.#aborted !== undefined) throw this.#aborted.reason;
    this.#outbox.begin(this.#isBinary ? OpBinary : OpText, this.#compress);
    this.#isUnderWay = true;
  }
}
