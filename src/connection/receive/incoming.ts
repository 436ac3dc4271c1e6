/**
 * A message that can be read before it is complete.
 *
 * @module
 */

import { checkWhole } from "../../arguments.ts";
import { concat, copyOf, encodeUtf8, noBytes, viewOf } from "../../bytes.ts";
import { checkOptions, number, type OptionTable } from "../../check-options.ts";
import { type Deferred, newDeferred, quiet } from "../../deferred.ts";
import { LimitError } from "../../errors.ts";
import { Fifo } from "../../fifo.ts";
import type { WebReadable } from "../../web-streams.ts";
import type { Data } from "../data.ts";
import { Unread, type UnreadEvents } from "./unread.ts";

/**
 * A message that arrives piece by piece: strings of whole characters if it is text, bytes if it is binary. The pieces are yours.
 * While pieces are unread, framewire stops reading from the peer.
 *
 * Read it in one way only. The unread rest is dropped when a loop over it ends, or when its handler is done. A rejection of its
 * promises that you do not await is not reported as unhandled.
 *
 * @example
 * for await (const piece of message) await file.write(piece);
 */
export interface IncomingMessage extends AsyncIterable<Data> {
  /** Whether it is text. */
  readonly isText: boolean;
  /** The pieces as a `ReadableStream`. Canceling the stream drops the rest of the message. */
  readonly readable: WebReadable;
  /**
   * Gathers the rest of the message as text.
   *
   * @throws {LimitError} `MESSAGE_TOO_BIG`: the rest has more than `limit` bytes. Then the whole message is dropped.
   * @throws {TypeError} The message is binary.
   * @throws {ClosedError} The connection ended before the message was complete.
   */
  text(options?: GatherOptions): Promise<string>;
  /**
   * Gathers the rest of the message as bytes; of text its UTF-8. @throws {LimitError} As {@link text}. @throws {ClosedError} As
   * {@link text}.
   */
  bytes(options?: GatherOptions): Promise<Uint8Array>;
  /**
   * Gathers the rest of the message as text, and parses it as JSON. @throws {SyntaxError} It is not JSON. @throws As
   * {@link text}.
   */
  json(options?: GatherOptions): Promise<unknown>;
}

/** How the rest of a message is gathered. */
export interface GatherOptions {
  /**
   * Most bytes that the rest may have; of text its UTF-8 counts. 0 or Infinity: only `maxMessageSize` applies. If a `stream`
   * handler does not catch the error of a larger message, the connection is closed with 1009. Default: only `maxMessageSize`
   * applies.
   */
  readonly limit?: number | undefined;
}

const gatherTable: OptionTable<GatherOptions> = { limit: number };

/**
 * What follows after the last piece. more: further pieces. end: nothing, the message is complete. failure: an error. dropped:
 * nothing, because nobody wants the rest. missed: an error, because the rest was not read in time.
 */
type Ending = "more" | "end" | "failure" | "dropped" | "missed";

type Result = IteratorResult<Data, undefined>;

const nobody: UnreadEvents = { onFull() {}, onRoom() {} };

/** Passes pieces from an endpoint to a reader. */
export class Incoming implements IncomingMessage, AsyncIterator<Data, undefined> {
  readonly isText: boolean;
  readonly #unread: Unread;
  readonly #decoder: TextDecoder | undefined;
  readonly #pieces = new Fifo<Data>();
  #ending: Ending = "more";
  #error: unknown;
  /** Readers that wait. Each gets the next piece in turn. */
  readonly #waiting = new Fifo<Deferred<Result>>();
  #readable: ReadableStream<Data> | undefined;

  /** @param unread Counts the unread pieces. */
  constructor(isText: boolean, unread: Unread) {
    this.isText = isText;
    this.#unread = unread;
    this.#decoder = isText ? new TextDecoder("utf-8", { ignoreBOM: true }) : undefined;
  }

  /** Adds a piece. The bytes are copied. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#ending !== "more") return;
    const piece =
      this.#decoder?.decode(viewOf(bytes, start, end), { stream: true }) ??
      copyOf(bytes, start, end);
    if (piece.length > 0) this.#push(piece);
  }

  /** Ends the message; `data` is its content if it came whole. */
  complete(data?: Data): void {
    if (data !== undefined && data.length > 0) this.#push(data);
    this.#finish("end", undefined);
  }

  /** No more pieces will come. */
  fail(error: unknown): void {
    this.#finish("failure", error);
  }

  /** Drops the unread pieces and the rest of the message. */
  drop(): void {
    this.#finish("dropped", undefined);
    // This also applies to a message that is complete or has failed: after the end of a loop nothing more is read.
    this.#ending = "dropped";
    // This comes last, because the freed room may let in further pieces of this message before the call returns.
    for (const piece of this.#pieces.takeAll()) this.#unread.remove(piece.length);
  }

  /**
   * Drops the unread pieces. Later reads get an error. Has no effect if all was read, or the rest was dropped.
   *
   * @param newError Makes that error.
   */
  miss(newError: () => unknown): void {
    const hasAll = this.#ending === "end" && this.#pieces.length === 0;
    if (hasAll || this.#ending === "dropped" || this.#ending === "failure") return;
    this.#ending = "missed";
    this.#error = newError;
    for (const waiting of this.#waiting.takeAll()) this.#settle(waiting);
    for (const piece of this.#pieces.takeAll()) this.#unread.remove(piece.length);
  }

  next(): Promise<Result> {
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#unread.remove(piece.length);
      return Promise.resolve({ done: false, value: piece });
    }
    const waiting = newDeferred<Result>();
    if (this.#ending === "more") this.#waiting.push(waiting);
    else this.#settle(waiting);
    return waiting.promise;
  }

  return(): Promise<Result> {
    this.drop();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  get readable(): WebReadable {
    this.#readable ??= new ReadableStream<Data>(
      {
        pull: async (controller) => {
          const { done, value } = await this.next();
          if (done === true) controller.close();
          else controller.enqueue(value);
        },
        cancel: () => {
          this.drop();
        },
      },
      { highWaterMark: 0 },
    );
    return this.#readable as unknown as WebReadable;
  }

  text(options: GatherOptions = {}): Promise<string> {
    return quiet(this.#gatherText(options));
  }

  bytes(options: GatherOptions = {}): Promise<Uint8Array> {
    return quiet(this.#gatherBytes(options));
  }

  json(options: GatherOptions = {}): Promise<unknown> {
    return quiet(this.#gatherText(options).then((text) => JSON.parse(text) as unknown));
  }

  async #gatherText(options: GatherOptions): Promise<string> {
    const limit = limitOf(options);
    if (!this.isText) throw new TypeError("Message is binary: use bytes()");
    let text = "";
    let size = 0;
    // An error that leaves the loop also drops the rest of the message.
    for await (const piece of this as AsyncIterable<string>) {
      if (limit < Infinity) size = checkGathered(size + encodeUtf8(piece).length, limit);
      text += piece;
    }
    return text;
  }

  async #gatherBytes(options: GatherOptions): Promise<Uint8Array> {
    const limit = limitOf(options);
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of this) {
      const bytes = typeof piece === "string" ? encodeUtf8(piece) : piece;
      size = checkGathered(size + bytes.length, limit);
      pieces.push(bytes);
    }
    return pieces.length === 1 ? pieces[0] : pieces.length === 0 ? noBytes : concat(pieces);
  }

  #push(piece: Data): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#pieces.push(piece);
      this.#unread.add(piece.length);
    } else {
      waiting.resolve({ done: false, value: piece });
    }
  }

  #finish(ending: Ending, error: unknown): void {
    if (this.#ending !== "more") return;
    this.#ending = ending;
    this.#error = error;
    for (const waiting of this.#waiting.takeAll()) this.#settle(waiting);
  }

  /** Answers a reader after the last piece. */
  #settle(waiting: Deferred<Result>): void {
    if (this.#ending === "failure") waiting.reject(this.#error);
    else if (this.#ending === "missed") waiting.reject((this.#error as () => unknown)());
    else waiting.resolve({ done: true, value: undefined });
  }
}

/** @throws {TypeError} An option is unknown, or of a wrong type. @throws {RangeError} The limit is out of its range. */
function limitOf(options: GatherOptions): number {
  checkOptions(options, gatherTable);
  const { limit = Infinity } = options;
  checkWhole("limit", limit, Infinity);
  return limit || Infinity;
}

/** Gives a size unchanged. @throws {LimitError} `MESSAGE_TOO_BIG` */
function checkGathered(size: number, limit: number): number {
  if (size > limit) throw new LimitError("MESSAGE_TOO_BIG", limit, size, "limit");
  return size;
}

/** Makes the stream of a message that came whole. It is not counted as unread, because a caller has already got it. */
export function wholeMessage(data: Data): IncomingMessage {
  const message = new Incoming(typeof data === "string", new Unread(nobody, 0));
  message.complete(data);
  return message;
}
