/**
 * Whether to connect again after a connection was lost, and how long to wait before (RFC 6455, 7.2.3).
 *
 * Nothing here keeps time or calls anything: it is arithmetic on what was lost.
 *
 * @module
 */

import {
  ClosedError,
  type Closure,
  DialError,
  type HeaderPairs,
  LimitError,
  ProtocolError,
  TimeoutError,
  TransportError,
} from "../../errors.ts";
import {
  StatusInvalidFramePayloadData,
  StatusMandatoryExt,
  StatusMessageTooBig,
  StatusNormalClosure,
  StatusPolicyViolation,
  StatusProtocolError,
  StatusServiceRestart,
  StatusTryAgainLater,
  StatusUnsupportedData,
} from "../../status.ts";

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
 * the Retry-After of a response, as far as `maxDelay` allows.
 *
 * @param failed Attempts that have failed in a row; 0 where a connection was lost that had been stable.
 */
export function delayAfter({ closure, error }: Loss, failed: number, backoff: Backoff): number {
  const { initialDelay, maxDelay, factor, random } = backoff;
  const grown = initialDelay * factor ** Math.max(0, failed - 1);
  const limit = closure !== undefined && busy.has(closure.status) ? maxDelay : grown;
  const delay = random() * Math.min(maxDelay, limit);
  const asked = error instanceof DialError ? retryAfter(error.headers) : 0;
  return Math.min(maxDelay, asked + delay);
}

/** Statuses by which a server asks its clients to take their time: IANA's registry says 5 to 30 seconds for 1012. */
const busy: ReadonlySet<number> = /* @__PURE__ */ new Set([
  StatusServiceRestart,
  StatusTryAgainLater,
]);

/** A date as HTTP has it (RFC 9110, 5.6.7); `Date.parse` alone would take much else. */
const httpDate = /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * Reads Retry-After (RFC 9110, 10.2.3).
 *
 * A date is measured against the response's own Date, so that nobody's clock has to be right.
 *
 * @returns Milliseconds; 0 where there is no such header, or none that makes sense.
 */
export function retryAfter(headers: HeaderPairs): number {
  const value = headerOf(headers, "retry-after");
  if (/^\d+$/.test(value)) return Number(value) * 1000;
  if (!httpDate.test(value)) return 0;
  const wait = Date.parse(value) - Date.parse(headerOf(headers, "date"));
  return wait > 0 ? wait : 0;
}

function headerOf(headers: HeaderPairs, lowerName: string): string {
  return headers.find(([name]) => name.toLowerCase() === lowerName)?.[1] ?? "";
}

/**
 * Tells whether another attempt may fare better: what decides where the option `shouldReconnect` is absent.
 *
 * It says no to a close of this side's own, to the peer's 1000, and to whatever would break again in the same way; the
 * guide has the list.
 */
export function isTransient({ closure, error }: Loss): boolean {
  return closure === undefined ? isTransientFailure(error) : isTransientClosure(closure);
}

/** Statuses of a peer that has done, and of one that would say the same again. */
const finalStatuses: ReadonlySet<number> = /* @__PURE__ */ new Set([
  StatusNormalClosure,
  StatusProtocolError,
  StatusUnsupportedData,
  StatusInvalidFramePayloadData,
  StatusPolicyViolation,
  StatusMessageTooBig,
  StatusMandatoryExt,
  3000, // Unauthorized (IANA's registry)
  3003, // Forbidden (IANA's registry)
]);

function isTransientClosure({ status, clean, initiator, error }: Closure): boolean {
  if (error instanceof ProtocolError) return false;
  if (error instanceof LimitError) return error.code === "TOO_MUCH_BUFFERED";
  if (initiator !== "local") return !finalStatuses.has(status);
  // Closed by this side, answered or not, which is final; dropped by terminate(), which is how to ask for a new one; or
  // given up by the library, for want of a pong, say.
  if (error === undefined) return !clean;
  return !(error instanceof TransportError || isTimeout(error, "CLOSE_TIMEOUT"));
}

function isTimeout(error: unknown, code: string): boolean {
  return error instanceof TimeoutError && error.code === code;
}

/** HTTP statuses that are final though they are no 4xx: the server speaks another protocol, or has moved for good. */
const finalResponses: ReadonlySet<number> = /* @__PURE__ */ new Set([101, 301, 308]);

/** HTTP statuses 4xx that pass: Request Timeout, Too Early, Too Many Requests. */
const passingResponses: ReadonlySet<number> = /* @__PURE__ */ new Set([408, 425, 429]);

function isTransientFailure(error: unknown): boolean {
  if (error instanceof DialError) {
    const { status } = error;
    if (status >= 400 && status < 500) return passingResponses.has(status);
    return !finalResponses.has(status);
  }
  if (error instanceof TransportError) return error.code !== "ACCESS_DENIED";
  if (error instanceof ClosedError) return !finalStatuses.has(error.status);
  if (error instanceof TypeError || error instanceof RangeError) return isOfNetwork(error);
  return !(error instanceof Error && error.name === "AbortError");
}

/**
 * Tells a `fetch` that did not get through, which is a TypeError on every runtime, from a mistake of the caller: Node
 * and Deno give it a `cause`, Bun a `code`.
 */
export function isOfNetwork(error: unknown): boolean {
  return error instanceof Error && (error.cause !== undefined || "code" in error);
}
