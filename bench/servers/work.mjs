/**
 * A handler that takes its time: the same for all servers.
 */

/** Milliseconds that a handler works. */
const duration = 4000;

/** A handler that does what it is given, and then works on, which the server may await. */
export function thenWork(handler) {
  return async (...args) => {
    await handler(...args);
    await new Promise((resolve) => setTimeout(resolve, duration));
  };
}
