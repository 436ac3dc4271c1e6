/**
 * Decides whether to connect again after a loss (RFC 6455, 7.2.3).
 *
 * @module
 */

import type {
  ClosedError,
  Closure,
  DialError,
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
  StatusUnsupportedData,
} from "../../status.ts";
import type { Loss } from "./backoff.ts";

/** framewire's own errors that matter here, by their names, with the fields that matter here. */
interface Errors {
  readonly ClosedError: ClosedError;
  readonly DialError: DialError;
  readonly LimitError: LimitError;
  readonly ProtocolError: ProtocolError;
  readonly TimeoutError: TimeoutError;
  readonly TransportError: TransportError;
}

/** Recognizes an error by its name, so that a browser's client need not bundle the classes. */
function isA<Name extends keyof Errors>(name: Name, error: unknown): error is Errors[Name] {
  return error instanceof Error && error.name === name;
}

/**
 * Tells whether another attempt may succeed. This is the default of the option `shouldReconnect`.
 *
 * It says no after this side's own close, after the peer's 1000, and after losses that would happen again in the same way.
 * docs/reconnecting.md has the list.
 */
export function isTransient({ closure, error }: Loss): boolean {
  return closure === undefined ? isTransientFailure(error) : isTransientClosure(closure);
}

/** Statuses of a peer that has finished, or that would refuse again. */
export const finalStatuses: ReadonlySet<number> = /* @__PURE__ */ new Set([
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
  if (isA("ProtocolError", error)) return false;
  if (isA("LimitError", error)) return error.code === "TOO_MUCH_BUFFERED";
  if (initiator !== "local") return !finalStatuses.has(status);
  // This side has ended the connection. Without an error: it has closed (final), or has called terminate() (try again). With an
  // error: its close got no answer (final), or framewire has given the connection up, for example after a missing pong (try
  // again).
  if (error === undefined) return !clean;
  return !(isA("TransportError", error) || isTimeout(error, "CLOSE_TIMEOUT"));
}

function isTimeout(error: unknown, code: string): boolean {
  return isA("TimeoutError", error) && error.code === code;
}

/** Final HTTP statuses outside 4xx: the server speaks another protocol, or has moved permanently. */
const finalResponses: ReadonlySet<number> = /* @__PURE__ */ new Set([101, 301, 308]);

/** HTTP statuses 4xx that are temporary: Request Timeout, Too Early, Too Many Requests. */
const passingResponses: ReadonlySet<number> = /* @__PURE__ */ new Set([408, 425, 429]);

function isTransientFailure(error: unknown): boolean {
  if (isA("DialError", error)) {
    const { status } = error;
    if (status >= 400 && status < 500) return passingResponses.has(status);
    return !finalResponses.has(status);
  }
  if (isA("TransportError", error)) return error.code !== "ACCESS_DENIED";
  if (isA("ClosedError", error)) return !finalStatuses.has(error.status);
  if (error instanceof TypeError || error instanceof RangeError) return isOfNetwork(error);
  return !(error instanceof Error && error.name === "AbortError");
}

/**
 * Tells a `fetch` that failed in the network from a wrong call of `fetch`. Both are a TypeError on every runtime, but after a
 * failure Node and Deno add a `cause`, and Bun adds a `code`.
 */
export function isOfNetwork(error: unknown): boolean {
  return error instanceof Error && (error.cause !== undefined || "code" in error);
}
