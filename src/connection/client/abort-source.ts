/**
 * An abort controller and its signal in one object.
 *
 * @module
 */

import type { Signal } from "../../transport.ts";

/** A signal that its owner can abort. It is not the runtime's `AbortController`, so the core does not depend on that. */
export class AbortSource implements Signal {
  aborted = false;
  reason: unknown;
  readonly #listeners = new Set<() => void>();

  /** Aborts the signal. A second call has no effect. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.#listeners) listener();
  }

  /** Aborts when `signal` aborts. Gives a function that ends this. */
  follow(signal: Signal | undefined): () => void {
    if (signal === undefined) return () => {};
    const onAbort = (): void => {
      this.abort(signal.reason);
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
    return () => {
      signal.removeEventListener("abort", onAbort);
    };
  }

  /** Gives the result of `work`, or rejects with the reason as soon as the signal aborts. */
  race<Result>(work: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        reject(this.reason);
      };
      const end = (): void => {
        this.#listeners.delete(onAbort);
      };
      if (this.aborted) onAbort();
      else this.#listeners.add(onAbort);
      work.finally(end).then(resolve, reject);
    });
  }

  /** Throws the reason if the signal has aborted, so that a late result has no effect. */
  check(): void {
    if (this.aborted) throw this.reason;
  }

  addEventListener(_: "abort", listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: "abort", listener: () => void): void {
    this.#listeners.delete(listener);
  }
}
