/**
 * The context in which handlers are called where a runtime keeps none: whichever it is.
 *
 * @module
 */

/** Calls a task as it is. */
export function callAtOnce(task: () => void): void {
  task();
}
