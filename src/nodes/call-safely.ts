/**
 * Handlers of an application, called so that nothing of theirs is lost.
 *
 * @module
 */

import { isPromise, whenSettled } from "../deferred.ts";

/** Calls a handler. @param fail Is given what it throws, or rejects with. */
export function callSafely(handler: () => unknown, fail: (error: unknown) => void): void {
  try {
    const result = handler();
    if (isPromise(result)) whenSettled(result, undefined, fail);
  } catch (error) {
    fail(error);
  }
}
