/**
 * A connection over a browser's own WebSocket. The browser speaks the protocol; this class delivers messages, and waits where the
 * browser does not.
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

/** Milliseconds between two checks of the unsent bytes: a browser has no event for that. */
const look = 20;

/** Makes the error for a message that has not come in time. */
export function receiveTimeout(milliseconds: number): Error {
  return new TimeoutError("RECEIVE_TIMEOUT", milliseconds);
}

/** Handlers of a client's connection in a browser. All are optional, and do the same as those of other clients. */
export interface BrowserHandlers<Context = unknown> {
  /** The connection is open. */
  open?(ws: BrowserConnection<Context>): unknown;
  /** A message has come; a promise is awaited before the next one is delivered. @param data The handler owns it. */
  message?(ws: BrowserConnection<Context>, data: Data): unknown;
  /** Something went wrong: called at most once, before `close`, with the error that `closed` reports too. */
  error?(ws: BrowserConnection<Context>, error: unknown): unknown;
  /** The connection is over: the last call, made exactly once for each `open`. */
  close?(ws: BrowserConnection<Context>, closure: Closure): unknown;
}

/**
 * A client's connection in a browser. It has those members of a `Connection` that a browser's WebSocket makes possible: no pings,
 * no messages in pieces, and no back-pressure on the peer.
 *
 * @typeParam Context The type of the option `context`.
 */
export class BrowserConnection<Context = unknown> {
  /** The subprotocol that was agreed upon; "" for none. */
  readonly protocol: string;
  /** The extensions that were agreed upon; "" for none. */
  readonly extensions: string;
  /** Path and query of the URL. */
  readonly target: string;
  /** The option `context`; the application may change it. */
  context: Context;
  readonly #socket: BrowserSocket;
  readonly #settings: BrowserSettings;
  readonly #handlers: BrowserHandlers<Context>;
  #state: ConnectionState = "open";
  /** How the connection ended; while it is open, how it would end now. */
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

  /** The state of the connection. */
  get state(): ConnectionState {
    return this.#state;
  }

  /** Bytes that the browser has not handed to the network. */
  get bufferedAmount(): number {
    return this.#socket.bufferedAmount;
  }

  /** Resolves with how the connection ended, when it has ended; never rejects. */
  get closed(): Promise<Closure> {
    return this.#closed.promise;
  }

  /** Aborts when the connection is no longer open. Its reason is the ClosedError with which `send` rejects from then on. */
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
   * @param data A string is sent as text, bytes and a Blob as binary. They are copied, and may be changed afterwards.
   * @returns Resolves when the unsent bytes are below `highWaterMark`, checked every 20 milliseconds. Rejects with `ClosedError`
   * if the connection is no longer open, and with `LimitError` `TOO_MUCH_BUFFERED`. A rejection that nobody awaits is not
   * reported as unhandled.
   * @throws {TypeError} `data` is none of these types.
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
   * Gives the next message. Several calls get one message each, in their order. Without a `message` handler, messages wait until
   * they are asked for.
   *
   * @returns The message, which the caller owns. Rejects with `ClosedError` if the connection is over and no message is left,
   * with `TimeoutError` `RECEIVE_TIMEOUT`, or with the signal's reason; in the last two cases no message is lost.
   * @throws {TypeError} There is a `message` handler.
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
   * Gives the messages from here on. The loop ends if the connection was closed regularly, or by this side; otherwise it throws
   * `ClosedError`. Leaving the loop does not close the connection.
   *
   * @throws {TypeError} There is a `message` handler.
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
   * Begins the closing handshake, unless it has begun. Afterwards no handler gets a message, and messages that wait to be asked
   * for are dropped.
   *
   * @param status As for every connection, but a browser sends only 1000 and 3000 to 4999. For other codes it sends none, and the
   * peer sees 1005. Default: 1000.
   * @param reason At most 123 bytes of UTF-8; not sent if the status is not sent. Default: none.
   * @returns {@link closed}.
   * @throws {RangeError} The status may not be sent, the reason is too long, or the deadline is NaN or below 0.
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

  /** Drops the connection at once on this side; the browser still tries to close it regularly. */
  terminate(): void {
    this.#close(Infinity);
    this.#end(StatusAbnormalClosure, "", false, "local");
  }

  /** Closes with 1000 and waits for the end: `await using ws = ...`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Leaves the state "open", and delivers nothing more. */
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

  /** Ends the connection. */
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
    // A handler's promise that does not settle delays the end no longer than a closing handshake may take.
    this.#deadline = startTimer(this.#settings.clock, this.#settings.closeTimeout, () => {
      this.#drop();
      this.#tell();
    });
  }

  /** Rejects everything that waits. */
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

  /** Reports an error. Only the first one is kept and reported. */
  #report(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#call(() => this.#handlers.error?.(this, error));
  }

  /** Fails because of an error of a handler. Without an `error` handler the error is written to the console. */
  #failHandler(error: unknown): void {
    if (this.#handlers.error === undefined) console.error(error);
    this.#fail(error);
  }

  /** Fails because of an error on this side: the connection is closed, and nothing more is delivered. */
  #fail(error: unknown): void {
    this.#report(error);
    this.#close(this.#settings.closeTimeout);
  }

  /** Calls a handler whose promise is not awaited. */
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

  /** Delivers waiting messages to the handler, one after the other, and at the end of the connection the end. */
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

  /** Calls the last handler. */
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
      // The message may have come in the same turn.
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

/** Methods that only other connections have: here they throw an error that says so. */
for (const name of ["ping", "beginMessage", "sendStream", "receiveStream"]) {
  (BrowserConnection.prototype as unknown as Record<string, unknown>)[name] = () => {
    throw new TypeError(`A browser's WebSocket has no ${name}`);
  };
}

/** Gives the UTF-16 units of a string, or the bytes of other data. @throws {TypeError} It is no data. */
function sizeOf(data: string | Binary | BlobLike): number {
  if (typeof data === "string") return data.length;
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return data.byteLength;
  if (typeof (Object(data) as Partial<BlobLike>).arrayBuffer === "function") return data.size;
  throw wrongType("data", "a string, bytes or a Blob", data);
}
