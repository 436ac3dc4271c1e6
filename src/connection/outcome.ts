/**
 * What came of a connection: what went wrong first, how it was closed, and who is told.
 *
 * @module
 */

import { type Deferred, isPromise, newDeferred, whenSettled } from "../deferred.ts";
import type { Endpoint } from "../endpoint/endpoint.ts";
import type { Closure } from "../errors.ts";
import type { Connection } from "./connection.ts";
import type { Handlers } from "./handlers.ts";
import type { Observer } from "./host.ts";

/** Keeps how one connection went, and tells its handlers and whoever waits for its end. */
export class Outcome<Context = unknown> {
  readonly #connection: Connection<Context>;
  readonly #endpoint: Endpoint;
  readonly #handlers: Handlers<Context>;
  readonly #observer: Observer | undefined;
  #error: unknown;
  #closed: Deferred<Closure> | undefined;
  // Undefined until all were told.
  #settled: Closure | undefined;

  constructor(
    connection: Connection<Context>,
    endpoint: Endpoint,
    handlers: Handlers<Context>,
    observer: Observer | undefined,
  ) {
    this.#connection = connection;
    this.#endpoint = endpoint;
    this.#handlers = handlers;
    this.#observer = observer;
  }

  /** Resolves once {@link finish} is done; never rejects. */
  get closed(): Promise<Closure> {
    this.#closed ??= newDeferred<Closure>();
    if (this.#settled !== undefined) this.#closed.resolve(this.#settled);
    return this.#closed.promise;
  }

  /** How it is closed, as far as it is by now. */
  get closure(): Closure {
    const { closure } = this.#endpoint;
    return this.#error === undefined ? closure : { ...closure, error: this.#error };
  }

  /** Something went wrong: the first that did is kept, and the handler for errors called with it. */
  report(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#observer?.failed(this.#connection as Connection, error);
    this.#call(() => this.#handlers.error?.(this.#connection, error));
  }

  /** The connection is over, once: the handler for its end is called, and when that is done, `closed` resolves. */
  finish(closure: Closure): void {
    this.#observer?.closed(this.#connection as Connection, closure);
    this.#call(
      () => this.#handlers.close?.(this.#connection, closure),
      () => this.#settle(),
    );
  }

  /** Calls a handler, keeps what it fails with, and then calls `done`. */
  #call(handler: () => unknown, done?: () => void): void {
    const failed = (reason: unknown): void => {
      this.#addError(reason);
      done?.();
    };
    try {
      const result = handler();
      if (isPromise(result)) whenSettled(result, done, failed);
      else done?.();
    } catch (reason) {
      failed(reason);
    }
  }

  /** A handler for errors or for the end failed itself: `closed` is the last place to say it. */
  #addError(reason: unknown): void {
    this.#error =
      this.#error === undefined
        ? reason
        : new AggregateError([this.#error, reason], "A handler failed after another error");
  }

  #settle(): void {
    this.#settled = this.closure;
    this.#closed?.resolve(this.#settled);
  }
}
