/**
 * Where the messages of one connection go: to handlers, to those who ask for them, or into streams.
 *
 * @module
 */

import { viewOf } from "../bytes.ts";
import type { Deadlines } from "../clock.ts";
import { isPromise } from "../deferred.ts";
import type { Endpoint } from "../endpoint/endpoint.ts";
import type { ClosedError } from "../errors.ts";
import type { Connection } from "./connection.ts";
import { ChunkCopies } from "./copies.ts";
import type { Data, Handlers } from "./handlers.ts";
import { Incoming } from "./incoming.ts";
import type { ConnectionSettings } from "./options.ts";
import { Pulling } from "./pulling.ts";
import type { Receiver } from "./receiving.ts";
import { sent } from "./sending.ts";

/** What messages ask of their link. */
export interface MessagesOwner {
  /** What whoever asks now is told, undefined where the connection is open. */
  refusal(): ClosedError | undefined;
  /** A handler threw, or rejected. */
  onHandlerFailed(error: unknown): void;
}

/** What messages are made of. */
export interface MessagesParts<Context> {
  readonly connection: Connection<Context>;
  readonly handlers: Handlers<Context>;
  readonly endpoint: Endpoint;
  readonly receiver: Receiver;
  readonly owner: MessagesOwner;
  readonly deadlines: Deadlines;
  readonly settings: ConnectionSettings;
}

/**
 * Calls the handlers, and awaits them; without handlers for messages, keeps those until somebody asks.
 */
export class Messages<Context> {
  readonly #connection: Connection<Context>;
  readonly #handlers: Handlers<Context>;
  readonly #endpoint: Endpoint;
  readonly #receiver: Receiver;
  readonly #owner: MessagesOwner;
  readonly #deadlines: Deadlines;
  readonly #settings: ConnectionSettings;
  readonly #isBorrowing: boolean;
  // Made at the first message that is copied.
  #copies: ChunkCopies | undefined;
  // Made when a message comes that nobody handles, or somebody asks for one.
  #pulling: Pulling | undefined;
  // The message that a handler reads as a stream, what the handler has returned, and what is unread.
  #incoming: Incoming | undefined;
  #streaming: PromiseLike<unknown> | undefined;
  #unread = 0;
  #isFull = false;

  constructor(parts: MessagesParts<Context>) {
    const { handlers, settings } = parts;
    this.#connection = parts.connection;
    this.#handlers = handlers;
    this.#endpoint = parts.endpoint;
    this.#receiver = parts.receiver;
    this.#owner = parts.owner;
    this.#deadlines = parts.deadlines;
    this.#settings = settings;
    this.#isBorrowing = settings.borrow && handlers.message !== undefined;
    if (handlers.stream !== undefined) this.#endpoint.stream(true);
  }

  /** Those who ask for messages. @throws {TypeError} There is a handler for them. */
  get pulling(): Pulling {
    if (this.#isHandled) {
      throw new TypeError("Messages go to the handlers: without message and stream, ask for them");
    }
    return this.#makePulling();
  }

  /** The connection is open. */
  open(): void {
    const result = this.#call(() => this.#handlers.open?.(this.#connection));
    if (!isPromise(result)) return;
    if (this.#isHandled) {
      this.#receiver.await(result);
      return;
    }
    // A handler that asks for messages itself would wait for ever if it were waited for.
    result.then(undefined, (error: unknown) => {
      this.#failed(error);
    });
  }

  /** A message has come. Called for each: in the open, without a closure. */
  deliver(data: Data): void {
    const handlers = this.#handlers;
    if (handlers.message === undefined) {
      this.#makePulling().inbox.push(data);
      return;
    }
    let result: unknown;
    try {
      result = handlers.message(this.#connection, data);
    } catch (error) {
      this.#owner.onHandlerFailed(error);
      return;
    }
    if (result !== undefined && result !== sent && isPromise(result)) this.#receiver.await(result);
  }

  /** A chunk comes that lies in memory of its own: messages may stay there. */
  beginChunk(chunk: Uint8Array): void {
    if (!this.#isBorrowing) this.#makeCopies().begin(chunk);
  }

  /** A binary message has come; unless it is the receiver's own, it is made so for those who may keep it. */
  deliverBytes(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
    if (isOwned) this.deliver(bytes);
    else if (this.#isBorrowing) this.deliver(viewOf(bytes, start, end));
    else this.deliver(this.#makeCopies().take(bytes, start, end));
  }

  /** All that has come is delivered, and nobody is waited for. */
  idle(): void {
    this.#copies?.end();
  }

  /** A message begins that comes piece by piece. */
  begin(isText: boolean): void {
    const { stream } = this.#handlers;
    if (stream === undefined) {
      this.#makePulling().inbox.begin(isText);
      return;
    }
    const incoming = new Incoming(isText, (change) => {
      this.#count(change);
    });
    this.#incoming = incoming;
    const result = this.#call(() => stream.call(this.#handlers, this.#connection, incoming));
    const drop = (): void => {
      incoming.drop();
    };
    if (isPromise(result)) {
      this.#streaming = result;
      result.then(drop, (error: unknown) => {
        drop();
        this.#failed(error);
      });
    } else {
      drop();
    }
  }

  /** A piece of it has come. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#incoming === undefined) this.#pulling?.inbox.add(bytes, start, end);
    else this.#incoming.add(bytes, start, end);
  }

  /** It is complete; its handler is awaited before the next one. */
  complete(): void {
    if (this.#incoming === undefined) {
      this.#pulling?.inbox.complete();
      return;
    }
    this.#incoming.complete();
    this.#incoming = undefined;
    const result = this.#streaming;
    this.#streaming = undefined;
    if (result !== undefined) this.#receiver.await(result);
  }

  /** A ping has come. */
  ping(bytes: Uint8Array, start: number, end: number): void {
    const { ping } = this.#handlers;
    if (ping === undefined) return;
    this.#await(
      this.#call(() => ping.call(this.#handlers, this.#connection, bytes.slice(start, end))),
    );
  }

  /** A pong has come. */
  pong(bytes: Uint8Array, start: number, end: number): void {
    const { pong } = this.#handlers;
    if (pong === undefined) return;
    this.#await(
      this.#call(() => pong.call(this.#handlers, this.#connection, bytes.slice(start, end))),
    );
  }

  /** The unsent bytes have come down to the mark. */
  drained(): void {
    const { drain } = this.#handlers;
    if (drain === undefined) return;
    this.#await(this.#call(() => drain.call(this.#handlers, this.#connection)));
  }

  /** This side has begun to end: nothing is delivered any more. */
  stop(reason: () => ClosedError): void {
    this.#incoming?.fail(reason());
    this.#pulling?.inbox.clear(reason);
  }

  /** The connection is over: what was kept may still be asked for. */
  end(reason: () => ClosedError): void {
    this.#incoming?.fail(reason());
    this.#pulling?.inbox.end(reason);
  }

  get #isHandled(): boolean {
    return this.#handlers.message !== undefined || this.#handlers.stream !== undefined;
  }

  #makeCopies(): ChunkCopies {
    return (this.#copies ??= new ChunkCopies(this.#settings.ownBufferSize));
  }

  #makePulling(): Pulling {
    if (this.#pulling !== undefined) return this.#pulling;
    const mark = this.#settings.receiveHighWaterMark;
    this.#pulling = new Pulling(this.#endpoint, this.#receiver, this.#deadlines, mark);
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) this.#pulling.inbox.end(() => refusal);
    return this.#pulling;
  }

  /** Calls a handler; what it throws fails the connection. */
  #call(handler: () => unknown): unknown {
    try {
      return handler();
    } catch (error) {
      this.#owner.onHandlerFailed(error);
      return undefined;
    }
  }

  /** A handler that nothing waits for has rejected. */
  #failed(error: unknown): void {
    this.#owner.onHandlerFailed(error);
    this.#receiver.resume();
  }

  #await(result: unknown): void {
    if (isPromise(result)) this.#receiver.await(result);
  }

  /** Holds the peer back while a handler leaves too much of a stream unread. */
  #count(change: number): void {
    this.#unread += change;
    const isFull = this.#unread >= this.#settings.receiveHighWaterMark;
    if (isFull === this.#isFull) return;
    this.#isFull = isFull;
    if (isFull) this.#receiver.fill();
    else this.#receiver.makeRoom();
  }
}
