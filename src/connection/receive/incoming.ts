/**
 * A message that is read before it is complete.
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
 * A message that comes piece by piece: strings of whole characters where it is text, bytes where it is binary; pieces
 * are yours. The peer is held back while pieces are left unread.
 *
 * Read it one way. What is not read when a loop over it ends, or its handler, is dropped. Nobody has to look at its promises:
 * a rejection that nobody awaits is not reported as unhandled.
 *
 * @example
 * for await (const piece of message) await file.write(piece);
 */
export interface IncomingMessage extends AsyncIterable<Data> {
  /** Whether it is text. */
  readonly isText: boolean;
  /** The pieces as a `ReadableStream`; canceling it drops the rest of the message. */
  readonly readable: WebReadable;
  /**
   * Gathers the rest as text.
   *
   * @throws {LimitError} `MESSAGE_TOO_BIG`: it has more than `limit`. What has come of it is let go, and the rest dropped.
   * @throws {TypeError} It is binary.
   * @throws {ClosedError} It was not completed.
   */
  text(options?: GatherOptions): Promise<string>;
  /** Gathers the rest as bytes, of text its UTF-8. @throws {LimitError} As {@link text}. @throws {ClosedError} */
  bytes(options?: GatherOptions): Promise<Uint8Array>;
  /** Gathers the rest as text, and parses it as JSON. @throws {SyntaxError} It is none. @throws As {@link text}. */
  json(options?: GatherOptions): Promise<unknown>;
}

/** How the rest of a message is gathered. */
export interface GatherOptions {
  /**
   * Bytes that it may have, of text its UTF-8; 0 or Infinity for no other limit than `maxMessageSize`. A handler that lets the
   * error of a larger one pass closes the connection with 1009. Default: no other limit.
   */
  readonly limit?: number | undefined;
}

const gatherTable: OptionTable<GatherOptions> = { limit: number };

/**
 * What follows the pieces at hand: "dropped" is nothing, whatever comes, since nobody wants it; "missed" is an error, whatever comes,
 * since it was not read in time.
 */
type Ending = "more" | "end" | "failure" | "dropped" | "missed";

type Result = IteratorResult<Data, undefined>;

const nobody: UnreadEvents = { onFull() {}, onRoom() {} };

/** Passes pieces from an endpoint on to a reader. */
export class Incoming implements IncomingMessage, AsyncIterator<Data, undefined> {
  readonly isText: boolean;
  readonly #unread: Unread;
  readonly #decoder: TextDecoder | undefined;
  readonly #pieces = new Fifo<Data>();
  #ending: Ending = "more";
  #error: unknown;
  /** Those who wait for a piece; each gets one of its own. */
  readonly #waiting = new Fifo<Deferred<Result>>();
  #readable: ReadableStream<Data> | undefined;

  /** @param unread Counts the pieces. */
  constructor(isText: boolean, unread: Unread) {
    this.isText = isText;
    this.#unread = unread;
    this.#decoder = isText ? new TextDecoder("utf-8", { ignoreBOM: true }) : undefined;
  }

  /** Adds a piece; the bytes are copied. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#ending !== "more") return;
    const piece =
      this.#decoder?.decode(viewOf(bytes, start, end), { stream: true }) ??
      copyOf(bytes, start, end);
    if (piece.length > 0) this.#push(piece);
  }

  /** Adds a message that came whole, and ends it. */
  complete(data?: Data): void {
    if (data !== undefined && data.length > 0) this.#push(data);
    this.#finish("end", undefined);
  }

  /** No more will come. */
  fail(error: unknown): void {
    this.#finish("failure", error);
  }

  /** Drops the rest of the message, and what has come of it and was not read: nobody wants it. */
  drop(): void {
    this.#finish("dropped", undefined);
    // Also where it was complete, or had failed: a loop that was left reads no further.
    this.#ending = "dropped";
    // Last: where that makes room, what follows of this very message comes before this returns.
    for (const piece of this.#pieces.takeAll()) this.#unread.remove(piece.length);
  }

  /**
   * Drops what was not read until now, and tells it to who reads on. Where all was read, or nobody wanted the rest, nothing changes.
   *
   * @param newError Makes the error that is told.
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
    // To leave the loop drops what is still to come.
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

  /** Answers somebody who asks behind the last piece. */
  #settle(waiting: Deferred<Result>): void {
    if (this.#ending === "failure") waiting.reject(this.#error);
    else if (this.#ending === "missed") waiting.reject((this.#error as () => unknown)());
    else waiting.resolve({ done: true, value: undefined });
  }
}

/** @throws {TypeError} @throws {RangeError} The limit is none. */
function limitOf(options: GatherOptions): number {
  checkOptions(options, gatherTable);
  const { limit = Infinity } = options;
  checkWhole("limit", limit, Infinity);
  return limit || Infinity;
}

/** Gives a size as it is. @throws {LimitError} `MESSAGE_TOO_BIG` */
function checkGathered(size: number, limit: number): number {
  if (size > limit) throw new LimitError("MESSAGE_TOO_BIG", limit, size, "limit");
  return size;
}

/** A message that came whole, for somebody who wants it piece by piece. Nobody counts it any more: it has been given. */
export function wholeMessage(data: Data): IncomingMessage {
  const message = new Incoming(typeof data === "string", new Unread(nobody, 0));
  message.complete(data);
  return message;
}
