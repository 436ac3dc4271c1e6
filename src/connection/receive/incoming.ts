/**
 * A message that is read before it is complete.
 *
 * @module
 */

import { concat, copyOf, encodeUtf8, noBytes, viewOf } from "../../bytes.ts";
import { type Deferred, newDeferred, quiet } from "../../deferred.ts";
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
  /** Gathers the rest as text. @throws {TypeError} It is binary. @throws {ClosedError} It was not completed. */
  text(): Promise<string>;
  /** Gathers the rest as bytes, of text its UTF-8. @throws {ClosedError} It was not completed. */
  bytes(): Promise<Uint8Array>;
}

/** What follows the pieces at hand: "dropped" is nothing, whatever comes, since nobody wants it. */
type Ending = "more" | "end" | "failure" | "dropped";

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

  /** Nobody wants the rest, what has come of it included. */
  drop(): void {
    this.#finish("dropped", undefined);
    // Also where it was complete, or had failed: whoever left a loop over it reads no further.
    this.#ending = "dropped";
    // Last: where that makes room, what follows of this very message comes before this returns.
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

  text(): Promise<string> {
    return quiet(this.#gatherText());
  }

  bytes(): Promise<Uint8Array> {
    return quiet(this.#gatherBytes());
  }

  async #gatherText(): Promise<string> {
    if (!this.isText) throw new TypeError("Message is binary: use bytes()");
    let text = "";
    for await (const piece of this) text += piece as string;
    return text;
  }

  async #gatherBytes(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this) {
      pieces.push(typeof piece === "string" ? encodeUtf8(piece) : piece);
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
    else waiting.resolve({ done: true, value: undefined });
  }
}

/** A message that came whole, for somebody who wants it piece by piece. Nobody counts it any more: it has been given. */
export function wholeMessage(data: Data): IncomingMessage {
  const message = new Incoming(typeof data === "string", new Unread(nobody, 0));
  message.complete(data);
  return message;
}
