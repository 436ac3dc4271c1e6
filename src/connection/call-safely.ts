/**
 * Calls handlers of an application so that no error of theirs is lost.
 *
 * @module
 */

import { isPromise, whenSettled } from "../deferred.ts";

/** Calls a handler. @param fail Gets the error that the handler throws, or rejects with. */
export function callSafely(handler: () => unknown, fail: (error: unknown) => void): void {
  try {
    const result = handler();
    if (isPromise(result)) whenSettled(result, undefined, fail);
  } catch (error) {
    fail(error);
  }
}
