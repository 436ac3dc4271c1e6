/**
 * Whether to connect again after a connection was lost, or an attempt failed (RFC 6455, 7.2.3).
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

/** The library's own errors, as far as they tell something here, by their names. */
interface Errors {
  readonly ClosedError: ClosedError;
  readonly DialError: DialError;
  readonly LimitError: LimitError;
  readonly ProtocolError: ProtocolError;
  readonly TimeoutError: TimeoutError;
  readonly TransportError: TransportError;
}

/** Tells an error by its name: a client that has no protocol of its own, as in a browser, does not need the classes. */
function isA<Name extends keyof Errors>(name: Name, error: unknown): error is Errors[Name] {
  return error instanceof Error && error.name === name;
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
  // Closed by this side, answered or not, which is final; dropped by terminate(), which is how to ask for a new one; or
  // given up by the library, for want of a pong, say.
  if (error === undefined) return !clean;
  return !(isA("TransportError", error) || isTimeout(error, "CLOSE_TIMEOUT"));
}

function isTimeout(error: unknown, code: string): boolean {
  return isA("TimeoutError", error) && error.code === code;
}

/** HTTP statuses that are final though they are no 4xx: the server speaks another protocol, or has moved for good. */
const finalResponses: ReadonlySet<number> = /* @__PURE__ */ new Set([101, 301, 308]);

/** HTTP statuses 4xx that pass: Request Timeout, Too Early, Too Many Requests. */
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
 * Tells a `fetch` that did not get through, which is a TypeError on every runtime, from a mistake of the caller: Node
 * and Deno give it a `cause`, Bun a `code`.
 */
export function isOfNetwork(error: unknown): boolean {
  return error instanceof Error && (error.cause !== undefined || "code" in error);
}
