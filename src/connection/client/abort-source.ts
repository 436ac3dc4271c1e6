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

  addEventListener(_: "abort", listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: "abort", listener: () => void): void {
    this.#listeners.delete(listener);
  }
}
