/**
 * A signal that this side aborts.
 *
 * @module
 */

import type { Signal } from "../../transport.ts";

/** What an `AbortController` and its signal are in one; it does not come from the runtime, so that the core need not. */
export class AbortSource implements Signal {
  aborted = false;
  reason: unknown;
  readonly #listeners = new Set<() => void>();

  /** Aborts; a second call does nothing. */
  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    for (const listener of this.#listeners) listener();
  }

  /** Aborts with `signal`, for as long as nobody calls what it gives. */
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

  /** Gives what `work` comes to, or rejects with the reason as soon as it is aborted. */
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

  /** Throws the reason where it is aborted: what comes late must change nothing any more. */
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
