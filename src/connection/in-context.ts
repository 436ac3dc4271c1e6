/**
 * The async context of handlers, for a runtime that does not keep contexts.
 *
 * @module
 */

/** Calls a task in the current context. */
export function callAtOnce(task: () => void): void {
  task();
}
