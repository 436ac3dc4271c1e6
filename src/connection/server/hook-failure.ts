/**
 * What becomes of the errors that an application's functions throw while a connection opens.
 *
 * @module
 */

import { HandshakeError, LimitError } from "../../errors.ts";
import { isAbandonedFor, type UpgradeRequest } from "../../handshake/server/upgrade-request.ts";
import type { ErrorPlace } from "../unhandled-errors.ts";

/** The functions that are asked while a connection opens, by the names of their options. */
export type Hook = "upgrade" | "http" | "origins" | "trustProxy";

/** Who is told of them. */
export interface HookFailureOwner {
  /** A hook threw, or gave what cannot be answered. */
  hookFailed(error: unknown, hook: Hook, place: ErrorPlace): void;
}

/**
 * Tells what a hook has failed with. Nobody is told where the error is its answer, a refusal; where the client is to blame; and where the
 * hook gave up because nobody waits for it any more.
 *
 * @param request What it was asked about.
 */
export function tellHookFailure(
  owner: HookFailureOwner,
  error: unknown,
  hook: Hook,
  request: UpgradeRequest,
): void {
  if (error instanceof HandshakeError) {
    // It refuses. But one that the library has made of something else has that as its cause.
    if (error.code === "INTERNAL" && "cause" in error) {
      tellHookFailure(owner, error.cause, hook, request);
    }
    return;
  }
  // A body that is too large for the hook that reads it is the client's fault.
  if (error instanceof LimitError && error.code === "BODY_TOO_LARGE") return;
  if (isAbandonedFor(request, error)) return;
  if ((error as Error | undefined)?.name === "AbortError") return;
  owner.hookFailed(error, hook, request);
}
