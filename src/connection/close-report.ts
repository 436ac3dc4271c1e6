/**
 * The report of a connection's end: the first error, the closure, and the calls of the `error` and `close` handlers.
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

/** Keeps the first error and the closure of one connection, and reports them to handlers and to `closed`. */
export class CloseReport<Context = unknown> {
  readonly #connection: Connection<Context>;
  readonly #endpoint: Endpoint;
  readonly #handlers: Handlers<Context>;
  readonly #observer: Observer | undefined;
  readonly #unhandled: UnhandledErrorReporter;
  #error: unknown;
  #closed: Deferred<Closure> | undefined;
  /** The final closure; set when `closed` resolves. */
  #closure: Closure | undefined;
  /** Whether the `close` handler was called. No handler is called after it. */
  #isTold = false;
  /** The promise that the `close` handler returned, if it returned one. */
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

  /** The closure, as far as it is known now. */
  get closure(): Closure {
    if (this.#closure !== undefined) return this.#closure;
    const { closure } = this.#endpoint;
    return this.#error === undefined ? closure : { ...closure, error: this.#error };
  }

  /** The promise of the `close` handler. Only the shutdown of a server waits for it. */
  get told(): PromiseLike<unknown> | undefined {
    return this.#told;
  }

  /**
   * Something went wrong. Keeps the first error and calls the `error` handler with it, unless the `close` handler was called
   * before.
   *
   * @param thrower The part of the application's code that threw; undefined if the peer or the network caused the error. An error
   * of the application that no handler gets is reported by the option `unhandledErrors`.
   */
  report(error: unknown, thrower?: ErrorThrower): void {
    const isFirst = this.#error === undefined;
    const isTaken = isFirst && !this.#isTold && this.#handlers.error !== undefined;
    // The same error may come again, from a handler that waited for something that this error ended.
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

  /** A promise rejected with an error of the application's code, and no code handled the rejection. */
  reportUnseen(error: unknown, thrower: ErrorThrower): void {
    const isTaken = error === this.#error && this.#handlers.error !== undefined;
    if (!isTaken && !(error instanceof ClosedError)) this.reportAside(error, thrower);
  }

  /** The application's code threw an error that does not affect the connection and for which there is no handler. */
  reportAside(error: unknown, thrower: ErrorThrower): void {
    this.#unhandled.report(error, thrower, this.#connection);
  }

  /** The connection is over: calls the `close` handler. No handler is called after it. */
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

  #call(name: "error" | "close", handler: () => unknown): unknown {
    try {
      return handler();
    } catch (reason) {
      this.#addError(reason, name);
      return undefined;
    }
  }

  /**
   * The `error` or the `close` handler has failed. The error goes into the closure if `closed` has not resolved yet. After that
   * only the observer of all connections gets it.
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
