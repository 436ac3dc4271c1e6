/**
 * Computes how long a client waits before it connects again (RFC 6455, 7.2.3).
 *
 * This is arithmetic only: no timers, no calls.
 *
 * @module
 */

import type { Closure } from "../../errors.ts";
import { StatusServiceRestart, StatusTryAgainLater } from "../../status.ts";

/** A connection that has ended, or an attempt that has failed. */
export interface Loss {
  /** How the connection ended; undefined if there was no connection. */
  readonly closure: Closure | undefined;
  /** The error of the attempt or of the connection; undefined if there was none. */
  readonly error: unknown;
}

/** How long to wait between two attempts, and how many attempts to make. */
export interface BackoffOptions {
  /** Upper limit of the first wait, in milliseconds, at least 1. Default: 1000. */
  readonly initialDelay?: number | undefined;
  /** Upper limit of every wait, in milliseconds, at least 1. Default: 30 000. */
  readonly maxDelay?: number | undefined;
  /** Factor by which each further failure in a row multiplies the limit of the wait, at least 1. Default: 2. */
  readonly factor?: number | undefined;
  /** Attempts in a row that may fail: at least 1, or Infinity. Default: Infinity. */
  readonly maxAttempts?: number | undefined;
  /**
   * Milliseconds, at least 0, that a connection must be open for its attempt to count as a success. This protects a server that
   * accepts connections and closes them at once. Default: 10 000.
   */
  readonly stableAfter?: number | undefined;
  /** Gives random numbers from 0 to below 1. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** {@link BackoffOptions} with all defaults filled in. */
export type Backoff = {
  readonly [Key in keyof BackoffOptions]-?: NonNullable<BackoffOptions[Key]>;
};

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} A number is out of its range.
 */
export function resolveBackoff(options: BackoffOptions): Backoff {
  const {
    initialDelay = 1000,
    maxDelay = 30_000,
    factor = 2,
    maxAttempts = Infinity,
    stableAfter = 10_000,
    random = Math.random,
  } = options;
  const numbers = { initialDelay, maxDelay, factor, maxAttempts, stableAfter };
  for (const [name, number] of Object.entries(numbers)) {
    const least = name === "stableAfter" ? 0 : 1;
    const mayBeInfinite = name === "maxAttempts";
    if (!(number >= least) || (number === Infinity && !mayBeInfinite)) {
      throw new RangeError(`${name} must be a number from ${least} on: ${number}`);
    }
  }
  return { ...numbers, random };
}

/**
 * Gives the milliseconds to wait before the next attempt: a random number between 0 and a limit that grows with every failure. So
 * clients that lost the same server at the same time do not come back at the same time (full jitter).
 *
 * After the statuses 1012 and 1013 the limit is `maxDelay` at once. If the server asks for a delay, the client waits at least
 * that long, but not longer than `maxDelay`.
 *
 * @param failed Number of attempts that have failed in a row; 0 if the lost connection was stable.
 * @param asked Milliseconds that the server has asked for.
 */
export function delayAfter(
  { closure }: Loss,
  failed: number,
  backoff: Backoff,
  asked: number,
): number {
  const { initialDelay, maxDelay, factor, random } = backoff;
  const grown = initialDelay * factor ** Math.max(0, failed - 1);
  const limit = closure !== undefined && busy.has(closure.status) ? maxDelay : grown;
  const delay = random() * Math.min(maxDelay, limit);
  return Math.min(maxDelay, asked + delay);
}

/** Statuses by which a server asks its clients to wait. IANA's registry recommends 5 to 30 seconds for 1012. */
const busy: ReadonlySet<number> = /* @__PURE__ */ new Set([
  StatusServiceRestart,
  StatusTryAgainLater,
]);
