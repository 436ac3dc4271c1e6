/**
 * How a connection went: what went wrong first, how it was closed, and who is told.
 *
 * @module
 */

import { type Deferred, isPromise, newDeferred, whenSettled } from "../deferred.ts";
import type { Endpoint } from "../endpoint/endpoint.ts";
import { ClosedError, type Closure } from "../errors.ts";
import type { Connection } from "./connection.ts";
import type { Handlers } from "./handlers.ts";
import type { Observer } from "./runtime-services.ts";
import type { ErrorThrower } from "./error-source.ts";
import type { UnhandledErrorReporter } from "./unhandled-errors.ts";

/** Keeps how one connection went, and tells its handlers and those who wait for its end. */
export class CloseReport<Context = unknown> {
  readonly #connection: Connection<Context>;
  readonly #endpoint: Endpoint;
  readonly #handlers: Handlers<Context>;
  readonly #observer: Observer | undefined;
  readonly #unhandled: UnhandledErrorReporter;
  #error: unknown;
  #closed: Deferred<Closure> | undefined;
  /** How it ended; set when `closed` resolves. */
  #closure: Closure | undefined;
  /** Whether the handler for the end was called: no other one is called afterwards. */
  #isTold = false;
  /** The promise of the handler for the end, where it has returned one. */
  #told: PromiseLike<unknown> | undefined;

  constructor(
    connection: Connection<Context>,
    endpoint: Endpoint,
    handlers: Handlers<Context>,
    observer: Observer | undefined,
    unhandled: UnhandledErrorReporter,
  ) {
    this.#connection = connection;
    this.#endpoint = endpoint;
    this.#handlers = handlers;
    this.#observer = observer;
    this.#unhandled = unhandled;
  }

  /** Resolves once the connection is over; never rejects. */
  get closed(): Promise<Closure> {
    this.#closed ??= newDeferred<Closure>();
    if (this.#closure !== undefined) this.#closed.resolve(this.#closure);
    return this.#closed.promise;
  }

  /** How it is closed, as far as it is by now. */
  get closure(): Closure {
    if (this.#closure !== undefined) return this.#closure;
    const { closure } = this.#endpoint;
    return this.#error === undefined ? closure : { ...closure, error: this.#error };
  }

  /** The promise of the handler for the end: nothing waits for it but a server that is shut down. */
  get told(): PromiseLike<unknown> | undefined {
    return this.#told;
  }

  /**
   * Something went wrong. The first error is kept, and the handler for errors is called with it, unless the handler for the end was
   * called already.
   *
   * @param thrower Which code of the application has thrown it; undefined where it is the peer's doing, or the network's. What no
   * handler takes of the former is told elsewhere.
   */
  report(error: unknown, thrower?: ErrorThrower): void {
    const isFirst = this.#error === undefined;
    const isTaken = isFirst && !this.#isTold && this.#handlers.error !== undefined;
    // An error that has been reported may come again, out of a handler that waited for what it ended.
    if (thrower !== undefined && !isTaken && error !== this.#error)
      this.reportAside(error, thrower);
    if (!isFirst) return;
    this.#error = error;
    this.#observer?.failed(this.#connection as Connection, error);
    if (!isTaken) return;
    const result = this.#call("error", () => this.#handlers.error!(this.#connection, error));
    if (isPromise(result)) {
      whenSettled(result, undefined, (reason) => {
        this.#addError(reason, "error");
      });
    }
  }

  /** A promise was rejected with what its code has thrown, and nobody looked at it. */
  reportUnseen(error: unknown, thrower: ErrorThrower): void {
    const isTaken = error === this.#error && this.#handlers.error !== undefined;
    if (!isTaken && !(error instanceof ClosedError)) this.reportAside(error, thrower);
  }

  /** The application's code has thrown what changes nothing about the connection, and no handler is called for. */
  reportAside(error: unknown, thrower: ErrorThrower): void {
    this.#unhandled.report(error, thrower, this.#connection);
  }

  /** The connection is over: calls the handler for the end, which is the last one that is called. */
  tell(): void {
    const { closure } = this;
    this.#observer?.closed(this.#connection as Connection, closure);
    this.#isTold = true;
    const result = this.#call("close", () => this.#handlers.close?.(this.#connection, closure));
    if (!isPromise(result)) return;
    this.#told = result;
    whenSettled(result, undefined, (reason) => {
      this.#addError(reason, "close");
    });
  }

  /** The connection is over. `closed` resolves, though handlers may still be at work. */
  settle(): void {
    this.#closure = this.closure;
    this.#closed?.resolve(this.#closure);
  }

  /** Calls a handler, and keeps what it throws. */
  #call(name: "error" | "close", handler: () => unknown): unknown {
    try {
      return handler();
    } catch (reason) {
      this.#addError(reason, name);
      return undefined;
    }
  }

  /**
   * A handler for errors or for the end failed itself: `closed` is the last place to say it; the observer of all connections
   * is told what comes too late for that.
   */
  #addError(reason: unknown, name: "error" | "close"): void {
    this.reportAside(reason, name);
    if (this.#closure !== undefined) {
      this.#observer?.failed(this.#connection as Connection, reason);
      return;
    }
    this.#error =
      this.#error === undefined
        ? reason
        : new AggregateError([this.#error, reason], "A handler failed after another error");
  }
}
