/**
 * Sends a message in pieces.
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
  /** Whether the message is binary and its pieces are bytes; otherwise it is text and its pieces are strings. Default: false. */
  readonly binary?: boolean | undefined;
  /** Whether the message may be compressed, if the connection uses compression. Default: true. */
  readonly compress?: boolean | undefined;
}

export const messageTable: OptionTable<MessageOptions> = { binary: boolean, compress: boolean };

/** "open" takes pieces, "complete" has had its last piece, "aborted" was given up. */
type WriterState = "open" | "complete" | "aborted";

const highSurrogate = /[\uD800-\uDBFF]$/;

/**
 * Sends one message piece by piece; each piece is one frame. The message takes its place among the other messages at the first
 * call of `write`, before that call returns. Messages that are sent later wait until it is complete. Pings and pongs may go
 * between its pieces.
 *
 * A message that was begun must be completed. After a piece has left, {@link abort} ends the connection. A rejection that you do
 * not await is not reported as unhandled, since `closed` reports the same.
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
  /** The promise of the previous piece. */
  #last: Promise<void> = sent;
  /** A high surrogate at the end of a piece. The next piece begins with its other half. */
  #surrogate = "";
  #writable: WritableStream<Data> | undefined;

  /**
   * @internal For framewire itself: applications get writers from `beginMessage`. @throws {ClosedError} The connection is not
   * open.
   */
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
   * Sends a piece. Pieces keep their order, even if you do not await them.
   *
   * @param data A string if the message is text, bytes if it is binary. The bytes are copied.
   * @returns Resolves when there is room for the next piece. Rejects with `ClosedError` if the connection is not open, and with
   * `LimitError` `TOO_MUCH_BUFFERED` if too much is unsent and `overflow` is not "wait".
   * @throws {TypeError} The data is of the other type; the message is complete.
   */
  write(data: string | Binary): Promise<void> {
    if (this.#state !== "open") throw new TypeError("Message is complete");
    const bytes = this.#encode(data);
    // An empty frame would carry no information.
    return bytes.length === 0 ? this.#last : this.#send(bytes, false);
  }

  /**
   * Completes the message. From this call on it is complete, and messages that are sent later come after it. A second call has no
   * effect.
   */
  close(): Promise<void> {
    if (this.#state !== "open") return this.#last;
    this.#state = "complete";
    const rest = this.#surrogate === "" ? noBytes : encodeUtf8(this.#surrogate);
    return this.#send(rest, true);
  }

  /**
   * Gives the message up. If a part of it has left, this ends the connection with 1011, since the message can no longer be
   * completed. Otherwise the unsent pieces are removed.
   */
  abort(reason: unknown = new Error("Message was aborted")): void {
    if (this.#state !== "open") return;
    this.#state = "aborted";
    if (!this.#message.takeBack(reason)) this.#fail(reason);
    this.#last = rejected(reason);
  }

  /** The writer as a `WritableStream`. Aborting the stream calls {@link abort}. */
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
