/**
 * How long to wait before a client connects again (RFC 6455, 7.2.3).
 *
 * Nothing here keeps time or calls anything: it is arithmetic on what was lost.
 *
 * @module
 */

import type { Closure } from "../../errors.ts";
import { StatusServiceRestart, StatusTryAgainLater } from "../../status.ts";

/** A connection that ended, or an attempt at one that failed. */
export interface Loss {
  /** How the connection ended; undefined where none came about. */
  readonly closure: Closure | undefined;
  /** What the attempt failed with, or what went wrong with the connection; undefined where nothing did. */
  readonly error: unknown;
}

/** How long to wait between two attempts, and how often to try. */
export interface BackoffOptions {
  /** Milliseconds, from 1 on, that the first wait takes at the most. Default: 1000. */
  readonly initialDelay?: number | undefined;
  /** Milliseconds, from 1 on, that any wait takes at the most. Default: 30 000. */
  readonly maxDelay?: number | undefined;
  /** What the longest wait is multiplied by at each attempt that fails after the first, from 1 on. Default: 2. */
  readonly factor?: number | undefined;
  /** Attempts in a row that may fail, from 1 on, or Infinity. Default: Infinity. */
  readonly maxAttempts?: number | undefined;
  /**
   * Milliseconds, from 0 on, that a connection must have been open for its attempt to count as a success: a server that
   * accepts and closes at once is not to be hammered. Default: 10 000.
   */
  readonly stableAfter?: number | undefined;
  /** Gives numbers from 0 to 1, 1 excluded. Default: `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** {@link BackoffOptions} with nothing left open. */
export type Backoff = {
  readonly [Key in keyof BackoffOptions]-?: NonNullable<BackoffOptions[Key]>;
};

/**
 * Fills in defaults.
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
 * Gives the milliseconds to wait before the next attempt: anything from 0 to a limit that grows with every failure, so
 * that clients which lost one server together do not come back together (known as full jitter).
 *
 * A server that asks for time gets it: after 1012 and 1013 the limit is `maxDelay` at once, and no attempt comes before
 * what it has asked for, as far as `maxDelay` allows.
 *
 * @param failed Attempts that have failed in a row; 0 where a connection was lost that had been stable.
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

/** Statuses by which a server asks its clients to take their time: IANA's registry says 5 to 30 seconds for 1012. */
const busy: ReadonlySet<number> = /* @__PURE__ */ new Set([
  StatusServiceRestart,
  StatusTryAgainLater,
]);
