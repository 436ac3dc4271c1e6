/**
 * A message that is sent in pieces.
 *
 * @module
 */

import { wrongType } from "../../arguments.ts";
import { encodeUtf8, noBytes } from "../../bytes.ts";
import { boolean, type OptionTable } from "../../check-options.ts";
import { rejected } from "../../deferred.ts";
import type { StreamedMessage } from "../../endpoint/streamed-message.ts";
import { OpBinary, OpText } from "../../frame/opcode.ts";
import type { WebWritable } from "../../web-streams.ts";
import { type Binary, type Data, toBytes } from "../data.ts";
import { sent } from "./flusher.ts";
import type { Outbox } from "./outbox.ts";

/** How a message in pieces is sent. */
export interface MessageOptions {
  /** Whether it is binary, made of bytes; otherwise it is text, made of strings. Default: false. */
  readonly binary?: boolean | undefined;
  /** Whether it may be compressed, where the connection compresses. Default: true. */
  readonly compress?: boolean | undefined;
}

/** What the options may be. */
export const messageTable: OptionTable<MessageOptions> = { binary: boolean, compress: boolean };

/** "open" takes pieces, "complete" has had its last one, "aborted" was given up. */
type WriterState = "open" | "complete" | "aborted";

const highSurrogate = /[\uD800-\uDBFF]$/;

/**
 * Sends one message piece by piece, each of them a frame. It takes its place among the other messages at its first
 * piece, before that call returns: those that are sent while it is under way wait until it is complete. Pings and pongs go in
 * between.
 *
 * A message that was begun has to be completed; {@link abort} can only end the connection with it. Nobody has to look at the
 * promises: a rejection that nobody awaits is not reported as unhandled, since `closed` tells the same.
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
  readonly #message: StreamedMessage;
  #state: WriterState = "open";
  /** What became of the piece before. */
  #last: Promise<void> = sent;
  /** A high surrogate at the end of a piece: its other half begins the next one. */
  #surrogate = "";
  #writable: WritableStream<Data> | undefined;

  /** @internal For the library: writers come from `beginMessage`. @throws {ClosedError} The connection is not open. */
  constructor(
    outbox: Outbox,
    { binary = false, compress = true }: MessageOptions,
    fail: (error: unknown) => void,
  ) {
    this.#outbox = outbox;
    this.#isBinary = binary;
    this.#message = outbox.begin(binary ? OpBinary : OpText, compress);
    this.#fail = fail;
  }

  /**
   * Sends a piece. Pieces keep their order, also where nobody awaits them.
   *
   * @param data A string where the message is text, bytes where it is binary; they are copied.
   * @returns Resolves when the next piece is welcome. Rejects with `ClosedError` where the connection is over, and with
   * `LimitError` `TOO_MUCH_BUFFERED` where too much is unsent and `overflow` is not "wait".
   * @throws {TypeError} The other kind of data; the message is complete.
   */
  write(data: string | Binary): Promise<void> {
    if (this.#state !== "open") throw new TypeError("Message is complete");
    const bytes = this.#encode(data);
    // An empty frame tells nobody anything.
    return bytes.length === 0 ? this.#last : this.#send(bytes, false);
  }

  /**
   * Completes the message: from this call on it stands complete in its place, in front of whatever is sent next. A second
   * call does nothing.
   */
  close(): Promise<void> {
    if (this.#state !== "open") return this.#last;
    this.#state = "complete";
    const rest = this.#surrogate === "" ? noBytes : encodeUtf8(this.#surrogate);
    return this.#send(rest, true);
  }

  /**
   * Gives the message up. Where a part of it was sent, that ends the connection with 1011, since nothing may follow; what is
   * unsent of it is taken back otherwise.
   */
  abort(reason: unknown = new Error("Message was aborted")): void {
    if (this.#state !== "open") return;
    this.#state = "aborted";
    if (!this.#message.takeBack(reason)) this.#fail(reason);
    this.#last = rejected(reason);
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
    if (this.#isBinary) {
      return toBytes(data as Binary, "data", "an ArrayBuffer or a view on one in a binary message");
    }
    if (typeof data !== "string") throw wrongType("data", "a string in a text message", data);
    const text = this.#surrogate + data;
    this.#surrogate = highSurrogate.test(text) ? text.slice(-1) : "";
    return encodeUtf8(this.#surrogate === "" ? text : text.slice(0, -1));
  }

  #send(bytes: Uint8Array, isLast: boolean): Promise<void> {
    this.#last = this.#outbox.sendPiece(this.#message, bytes, isLast);
    return this.#last;
  }
}
