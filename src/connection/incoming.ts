/**
 * A message that is read before it is complete.
 *
 * @module
 */

import { concat, encodeUtf8, noBytes } from "../bytes.ts";
import { type Deferred, newDeferred } from "../deferred.ts";
import type { WebReadable } from "../web-streams.ts";
import { Fifo } from "./fifo.ts";
import type { Data } from "./handlers.ts";

/**
 * A message that comes piece by piece: strings of whole characters where it is text, bytes where it is binary; pieces
 * are yours. The peer is held back while pieces are left unread.
 *
 * Read it one way. What is not read when a loop over it ends, or its handler, is dropped.
 *
 * @example
 * for await (const piece of message) await file.write(piece);
 */
export interface IncomingMessage extends AsyncIterable<Data> {
  /** Whether it is text. */
  readonly isText: boolean;
  /** The pieces as a `ReadableStream`; canceling it drops the rest of the message. */
  readonly readable: WebReadable;
  /** Gathers the rest as text. @throws {TypeError} It is binary. @throws {ClosedError} It was not completed. */
  text(): Promise<string>;
  /** Gathers the rest as bytes, of text its UTF-8. @throws {ClosedError} It was not completed. */
  bytes(): Promise<Uint8Array>;
}

/** What follows the pieces at hand. */
type Ending = "more" | "end" | "failure" | "dropped";

type Result = IteratorResult<Data, undefined>;

/** Passes pieces from an endpoint on to a reader. */
export class Incoming implements IncomingMessage, AsyncIterator<Data, undefined> {
  readonly isText: boolean;
  readonly #count: (change: number) => void;
  readonly #decoder: TextDecoder | undefined;
  readonly #pieces = new Fifo<Data>();
  #ending: Ending = "more";
  #error: unknown;
  #waiting: Deferred<Result> | undefined;
  #readable: ReadableStream<Data> | undefined;

  /** @param count Is told by how much the unread bytes have changed. */
  constructor(isText: boolean, count: (change: number) => void) {
    this.isText = isText;
    this.#count = count;
    this.#decoder = isText ? new TextDecoder("utf-8", { ignoreBOM: true }) : undefined;
  }

  /** Adds a piece; the bytes are copied. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#ending === "dropped") return;
    const range = bytes.subarray(start, end);
    const piece = this.#decoder?.decode(range, { stream: true }) ?? range.slice();
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

  /** Nobody wants the rest. */
  drop(): void {
    for (const piece of this.#pieces.takeAll()) this.#count(-piece.length);
    this.#finish("dropped", undefined);
  }

  next(): Promise<Result> {
    const piece = this.#pieces.shift();
    if (piece !== undefined) {
      this.#count(-piece.length);
      return Promise.resolve({ done: false, value: piece });
    }
    if (this.#ending === "failure") return Promise.reject(this.#error);
    if (this.#ending !== "more") return Promise.resolve({ done: true, value: undefined });
    this.#waiting ??= newDeferred<Result>();
    return this.#waiting.promise;
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

  async text(): Promise<string> {
    if (!this.isText) throw new TypeError("Message is binary: use bytes()");
    let text = "";
    for await (const piece of this) text += piece as string;
    return text;
  }

  async bytes(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this) {
      pieces.push(typeof piece === "string" ? encodeUtf8(piece) : piece);
    }
    return pieces.length === 1 ? pieces[0] : pieces.length === 0 ? noBytes : concat(pieces);
  }

  #push(piece: Data): void {
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#pieces.push(piece);
      this.#count(piece.length);
    } else {
      this.#waiting = undefined;
      waiting.resolve({ done: false, value: piece });
    }
  }

  #finish(ending: Ending, error: unknown): void {
    if (this.#ending !== "more") return;
    this.#ending = ending;
    this.#error = error;
    if (ending === "failure") this.#waiting?.reject(error);
    else this.#waiting?.resolve({ done: true, value: undefined });
    this.#waiting = undefined;
  }
}
