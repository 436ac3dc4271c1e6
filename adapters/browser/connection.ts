/**
 * A connection over a browser's own WebSocket, which speaks the protocol itself: what is left is to give its messages out, and to
 * wait where it does not.
 *
 * @module
 */

import { wrongType } from "../../src/arguments.ts";
import type { AbortSource } from "../../src/connection/client/abort-source.ts";
import { receiveWithin } from "../../src/connection/client/receive-within.ts";
import { checkClose } from "../../src/connection/check-close.ts";
import type { ConnectionState } from "../../src/connection/connection-link.ts";
import type { Binary, BlobLike, Data } from "../../src/connection/data.ts";
import type { ReceiveOptions } from "../../src/connection/receive/inbox.ts";
import type { CloseOptions } from "../../src/connection/connection.ts";
import type { Deadline } from "../../src/clock.ts";
import {
  type Deferred,
  isPromise,
  newDeferred,
  quiet,
  rejected,
  settled,
  whenSettled,
} from "../../src/deferred.ts";
import { ClosedError, type Closure, type Initiator } from "../../src/errors.ts";
import { Fifo } from "../../src/fifo.ts";
import { type StatusCode, StatusAbnormalClosure, StatusNormalClosure } from "../../src/status.ts";
import { startTimer } from "../../src/timer.ts";
import type { RuntimeSignal } from "../../src/transport.ts";
import { LimitError, TimeoutError, TransportError } from "./errors.ts";
import type { BrowserSettings } from "./options.ts";
import type { BrowserSocket } from "./web-socket.ts";

/** Milliseconds between two looks at what is unsent: a browser tells nobody when that has left. */
const look = 20;

/** The error for a message that has not come in time. */
export function receiveTimeout(milliseconds: number): Error {
  return new TimeoutError("RECEIVE_TIMEOUT", milliseconds);
}

/** Handlers of a client's connection in a browser; all are optional, and do what those of other clients do. */
export interface BrowserHandlers<Context = unknown> {
  /** The connection is open. */
  open?(ws: BrowserConnection<Context>): unknown;
  /** A message has come; a promise is awaited before the next one is delivered. @param data Yours to keep. */
  message?(ws: BrowserConnection<Context>, data: Data): unknown;
  /** Something went wrong: called once at the most, before `close`, with the error that `closed` reports too. */
  error?(ws: BrowserConnection<Context>, error: unknown): unknown;
  /** The connection is over: the last call, always, exactly once for each `open`. */
  close?(ws: BrowserConnection<Context>, closure: Closure): unknown;
}

/**
 * A client's connection in a browser. It has of a `Connection` what a browser's WebSocket can do: no pings, no messages in pieces,
 * and no holding back of the peer.
 *
 * @typeParam Context What the option `context` is.
 */
export class BrowserConnection<Context = unknown> {
  /** The subprotocol that was agreed on, "" for none. */
  readonly protocol: string;
  /** The extensions that were agreed on, "" for none. */
  readonly extensions: string;
  /** Path and query of the URL. */
  readonly target: string;
  /** What the option `context` was; yours to change. */
  context: Context;
  readonly #socket: BrowserSocket;
  readonly #settings: BrowserSettings;
  readonly #handlers: BrowserHandlers<Context>;
  #state: ConnectionState = "open";
  /** How it ended, or would now. */
  #closure!: Closure;
  readonly #closed = newDeferred<Closure>();
  #error: unknown;
  readonly #unread = new Fifo<Data>();
  #unreadSize = 0;
  readonly #waiting = new Set<Deferred<Data>>();
  /** Whether a handler's promise is awaited. */
  #isHandling = false;
  #isTold = false;
  #deadline: Deadline | undefined;
  #drained: Deferred<void> | undefined;
  #abort: AbortController | undefined;

  /** @internal For the library: connections come from `connect`. */
  constructor(
    socket: BrowserSocket,
    settings: BrowserSettings,
    handlers: BrowserHandlers<Context>,
    context: Context,
  ) {
    this.#socket = socket;
    this.#settings = settings;
    this.#handlers = handlers;
    this.context = context;
    this.protocol = socket.protocol;
    this.extensions = socket.extensions;
    const { pathname, search } = new URL(socket.url);
    this.target = pathname + search;
    socket.addEventListener("message", ({ data }) => {
      this.#take(typeof data === "string" ? data : new Uint8Array(data as ArrayBuffer));
    });
    socket.addEventListener("close", ({ code, reason, wasClean }) => {
      const isLocal = this.#state === "closing";
      this.#end(code!, reason!, wasClean!, isLocal ? "local" : wasClean! ? "peer" : "transport");
    });
    this.#call(() => handlers.open?.(this));
  }

  /** Where the connection stands. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** Bytes that the browser has not handed to the network. */
  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  /** How the connection ended; resolves when it has, and never rejects. */
  get closed(): Promise<Closure> {
    return this.#closed.promise;
  }

  /** Aborts when the connection is no longer open, with the ClosedError that `send` rejects with from then on. */
  get signal(): RuntimeSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.#state !== "open") this.#abort.abort(this.#closedError());
    }
    return this.#abort.signal as RuntimeSignal;
  }

  /**
   * Sends a message.
   *
   * @param data A string is sent as text, bytes and a Blob as binary. They are copied: change them as you like afterwards.
   * @returns Resolves when the unsent bytes are below `highWaterMark`, looked at every 20 milliseconds. Rejects with `ClosedError`
   * where the connection is no longer open, and with `LimitError` `TOO_MUCH_BUFFERED`. A rejection that nobody awaits is not
   * reported as unhandled.
   * @throws {TypeError} `data` is none of these.
   */
  send(data: string | Binary | BlobLike): Promise<void> {
    if (this.#state !== "open") return rejected(this.#closedError());
    const { maxBufferedAmount, highWaterMark } = this.#settings;
    const unsent = this.bufferedAmount;
    const actual = unsent + sizeOf(data);
    if (unsent > 0 && actual > maxBufferedAmount) {
      return rejected(new LimitError(maxBufferedAmount, actual));
    }
    this.#socket.send(data);
    return this.bufferedAmount <= highWaterMark ? settled : this.#whenDrained();
  }

  /**
   * Asks for the next message. Several calls get one each, in their order. Without a `message` handler, messages wait until they are
   * asked for.
   *
   * @returns The message, yours. Rejects with `ClosedError` where the connection is over and nothing is left, with `TimeoutError`
   * `RECEIVE_TIMEOUT`, or with the signal's reason; the last two lose no message.
   * @throws {TypeError} Messages go to a handler.
   * @throws {RangeError} The time-out is NaN or below 0.
   */
  receive(options: ReceiveOptions = {}): Promise<Data> {
    this.#checkPulled();
    const { clock } = this.#settings;
    return quiet(
      receiveWithin({ ...options, clock, holds: true, receiveTimeout }, (limit) =>
        this.#receive(limit),
      ),
    );
  }

  /**
   * Gives the messages from here on. The loop ends when the connection was closed in order, or by this side; otherwise it throws
   * `ClosedError`. Leaving the loop leaves the connection open.
   *
   * @throws {TypeError} Messages go to a handler.
   */
  [Symbol.asyncIterator](): AsyncIterator<Data, undefined> {
    this.#checkPulled();
    return {
      next: async () => {
        try {
          return { done: false, value: await this.#receive() };
        } catch (error) {
          const { clean, initiator } = this.#closure;
          if (!clean && (initiator !== "local" || this.#error !== undefined)) throw error;
          return { done: true, value: undefined };
        }
      },
    };
  }

  /**
   * Begins the closing handshake, where it has not begun. No handler gets a message after it, and those that wait to be asked for are
   * dropped.
   *
   * @param status As for every connection; but a browser sends 1000 and 3000 to 4999 alone: of others none is sent, and the peer sees
   * 1005. Default: 1000.
   * @param reason At most 123 bytes of UTF-8, left out where the status is. Default: none.
   * @returns {@link closed}.
   * @throws {RangeError} A status that may not be sent, a reason that is too long, a deadline that is NaN or below 0.
   */
  close(
    status: StatusCode = StatusNormalClosure,
    reason = "",
    { deadline = this.#settings.closeTimeout }: CloseOptions = {},
  ): Promise<Closure> {
    checkClose(status, reason, deadline);
    this.#close(deadline, status, reason);
    return this.closed;
  }

  /** Drops the connection at once, as far as this side: a browser still tries to close it in order. */
  terminate(): void {
    this.#close(Infinity);
    this.#end(StatusAbnormalClosure, "", false, "local");
  }

  /** Closes with 1000 and waits for the end: `await using ws = ...`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Leaves "open", and delivers nothing any more. */
  #close(deadline: number, status: StatusCode = StatusAbnormalClosure, reason = ""): void {
    if (this.#state === "open") {
      this.#state = "closing";
      this.#closure = { status, reason, clean: false, initiator: "local" };
      this.#deadline = startTimer(this.#settings.clock, deadline, () => {
        this.#report(new TimeoutError("CLOSE_TIMEOUT", deadline));
        this.#end(StatusAbnormalClosure, "", false, "local");
      });
      this.#refuse();
      if (status === StatusNormalClosure || status >= 3000) this.#socket.close(status, reason);
      else this.#socket.close();
    }
    this.#drop();
  }

  /** The connection is over. */
  #end(status: StatusCode, reason: string, clean: boolean, initiator: Initiator): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#deadline?.cancel();
    if (initiator === "transport") this.#report(new TransportError("UNEXPECTED_END"));
    const error = this.#error;
    this.#closure = { status, reason, clean, initiator, ...(error !== undefined && { error }) };
    this.#refuse();
    this.#closed.resolve(this.#closure);
    this.#deliver();
    if (this.#isTold) return;
    // A handler that does not settle holds up the end no longer than a closing handshake may take.
    this.#deadline = startTimer(this.#settings.clock, this.#settings.closeTimeout, () => {
      this.#drop();
      this.#tell();
    });
  }

  /** Nobody who waits gets anything any more. */
  #refuse(): void {
    const error = this.#closedError();
    for (const waiting of this.#waiting) waiting.reject(error);
    this.#waiting.clear();
    this.#drained?.reject(error);
    this.#abort?.abort(error);
  }

  #closedError(): ClosedError {
    return new ClosedError(this.#closure);
  }

  /** Something went wrong: the first that did is kept, and told. */
  #report(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#call(() => this.#handlers.error?.(this, error));
  }

  /** A handler has thrown, or rejected: what no other one takes is to be seen. */
  #failHandler(error: unknown): void {
    if (this.#handlers.error === undefined) console.error(error);
    this.#fail(error);
  }

  /** Something went wrong here: the connection is closed, and nothing is delivered any more. */
  #fail(error: unknown): void {
    this.#report(error);
    this.#close(this.#settings.closeTimeout);
  }

  /** Calls a handler, whose promise nothing waits for. */
  #call(handler: () => unknown): void {
    try {
      whenSettled(handler(), undefined, (error) => {
        this.#failHandler(error);
      });
    } catch (error) {
      this.#failHandler(error);
    }
  }

  #take(data: Data): void {
    if (this.#state !== "open") return;
    for (const waiting of this.#waiting) {
      this.#waiting.delete(waiting);
      waiting.resolve(data);
      return;
    }
    this.#unread.push(data);
    this.#unreadSize += data.length;
    this.#deliver();
    const { maxUnread } = this.#settings;
    if (this.#unreadSize > maxUnread) {
      this.#fail(new LimitError(maxUnread, this.#unreadSize));
    }
  }

  #next(): Data | undefined {
    const data = this.#unread.shift();
    if (data !== undefined) this.#unreadSize -= data.length;
    return data;
  }

  #drop(): void {
    while (this.#next() !== undefined);
  }

  /** Gives what waits to the handler, one message after the other; then, where the connection is over, tells that. */
  #deliver(): void {
    const { message } = this.#handlers;
    while (message !== undefined && !this.#isHandling) {
      const data = this.#next();
      if (data === undefined) break;
      try {
        const result = message.call(this.#handlers, this, data);
        if (isPromise(result)) this.#await(result);
      } catch (error) {
        this.#failHandler(error);
      }
    }
    if (this.#state === "closed" && (message === undefined || this.#unread.length === 0))
      this.#tell();
  }

  #await(result: PromiseLike<unknown>): void {
    this.#isHandling = true;
    const done = (): void => {
      this.#isHandling = false;
      this.#deliver();
    };
    whenSettled(result, done, (error) => {
      this.#failHandler(error);
      done();
    });
  }

  /** The last call. */
  #tell(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#deadline?.cancel();
    this.#call(() => this.#handlers.close?.(this, this.#closure));
  }

  #checkPulled(): void {
    if (this.#handlers.message === undefined) return;
    throw new TypeError("Messages go to the handler");
  }

  async #receive(limit?: AbortSource): Promise<Data> {
    const data = this.#next();
    if (data !== undefined) return data;
    if (this.#state !== "open") throw this.#closedError();
    const waiting = newDeferred<Data>();
    this.#waiting.add(waiting);
    if (limit === undefined) return waiting.promise;
    try {
      return await limit.race(waiting.promise);
    } catch (error) {
      // It may have been given its message in the same turn.
      if (this.#waiting.delete(waiting)) throw error;
      return waiting.promise;
    }
  }

  #whenDrained(): Promise<void> {
    if (this.#drained !== undefined) return this.#drained.promise;
    const drained = (this.#drained = newDeferred<void>());
    const lookLater = (): void => {
      startTimer(this.#settings.clock, look, () => {
        if (this.#state === "closed" || this.bufferedAmount <= this.#settings.highWaterMark) {
          this.#drained = undefined;
          drained.resolve();
        } else lookLater();
      });
    };
    lookLater();
    return drained.promise;
  }
}

/** What only other connections can do; a page is told so. */
for (const name of ["ping", "beginMessage", "sendStream", "receiveStream"]) {
  (BrowserConnection.prototype as unknown as Record<string, unknown>)[name] = () => {
    throw new TypeError(`A browser's WebSocket has no ${name}`);
  };
}

/** Units of a string, bytes of all else. @throws {TypeError} It is no data. */
function sizeOf(data: string | Binary | BlobLike): number {
  if (typeof data === "string") return data.length;
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return data.byteLength;
  if (typeof (Object(data) as Partial<BlobLike>).arrayBuffer === "function") return data.size;
  throw wrongType("data", "a string, bytes or a Blob", data);
}
