/**
 * An opening handshake in progress. Its timeout or its caller may abort it.
 *
 * @module
 */

import { type Deadline, type Deadlines, deadlinesOn } from "../clock.ts";
import { newDeferred } from "../deferred.ts";
import { type TimeoutCode, TimeoutError } from "../errors.ts";
import type { Signal } from "../transport.ts";

/** What may abort an attempt. */
export interface AttemptOptions {
  /** Milliseconds for the attempt; 0 or Infinity: no limit. */
  readonly timeout: number;
  /** Code of the error when the time is over. */
  readonly code: TimeoutCode;
  readonly signal?: Signal | undefined;
  /** The source of time. Default: one timer for all attempts. */
  readonly deadlines?: Deadlines | undefined;
}

/** An attempt. It is the signal for everything that is started for it. */
export class Attempt implements Signal {
  aborted = false;
  reason: unknown;
  readonly #failed = newDeferred<never>();
  readonly #listeners = new Set<() => void>();
  readonly #deadline: Deadline;
  readonly #signal: Signal | undefined;
  readonly #onAbort = (): void => {
    this.#abort(this.#signal!.reason);
  };

  constructor({ timeout, code, signal, deadlines }: AttemptOptions) {
    const shared = deadlines ?? deadlinesOn();
    this.#deadline = shared.after(timeout === 0 ? Infinity : timeout, () => {
      this.#abort(new TimeoutError(code, timeout));
    });
    this.#signal = signal;
    if (signal?.aborted === true) this.#abort(signal.reason);
    else signal?.addEventListener("abort", this.#onAbort);
  }

  /** Gives the result of `work`, or rejects as soon as the attempt is aborted. */
  race<Result>(work: Promise<Result>): Promise<Result> {
    return Promise.race([work, this.#failed.promise]);
  }

  /** Throws if the attempt was aborted, so that a late result has no effect. */
  check(): void {
    if (this.aborted) throw this.reason;
  }

  /** The attempt is over. Nothing can abort it any more. */
  end(): void {
    this.#deadline.cancel();
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#listeners.clear();
  }

  addEventListener(_: "abort", listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: "abort", listener: () => void): void {
    this.#listeners.delete(listener);
  }

  #abort(reason: unknown): void {
    this.aborted = true;
    this.reason = reason;
    this.#failed.reject(reason);
    const listeners = [...this.#listeners];
    this.end();
    for (const listener of listeners) listener();
  }
}
