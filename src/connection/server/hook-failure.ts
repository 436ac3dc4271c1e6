/**
 * Reports the errors of hooks, which an application's functions throw while a connection opens.
 *
 * @module
 */

import { HandshakeError, LimitError } from "../../errors.ts";
import { isAbandonedFor, type UpgradeRequest } from "../../handshake/server/upgrade-request.ts";
import type { ErrorPlace } from "../unhandled-errors.ts";

/** The functions that framewire asks while a connection opens, by the names of their options. */
export type Hook = "upgrade" | "http" | "origins" | "trustProxy";

/** The receiver of these reports. */
export interface HookFailureOwner {
  /** A hook has thrown an error, or returned something that is not a valid answer. */
  hookFailed(error: unknown, hook: Hook, place: ErrorPlace): void;
}

/**
 * Reports the error of a hook. There is no report if the error is a refusal, if the client caused it, or if the hook gave up
 * because nobody waits for its answer any more.
 *
 * @param request The request about which the hook was asked.
 */
export function tellHookFailure(
  owner: HookFailureOwner,
  error: unknown,
  hook: Hook,
  request: UpgradeRequest,
): void {
  if (error instanceof HandshakeError) {
    // A HandshakeError is a refusal. But if framewire made it from another error of the hook, that error is its cause, and is
    // reported.
    if (error.code === "INTERNAL" && "cause" in error) {
      tellHookFailure(owner, error.cause, hook, request);
    }
    return;
  }
  // If the body is too large for the hook that reads it, the client is to blame.
  if (error instanceof LimitError && error.code === "BODY_TOO_LARGE") return;
  if (isAbandonedFor(request, error)) return;
  if ((error as Error | undefined)?.name === "AbortError") return;
  owner.hookFailed(error, hook, request);
}
