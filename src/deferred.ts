/**
 * A promise with its levers outside; Node 20 has no Promise.withResolvers.
 *
 * @module
 */

/**
 * Resolved: what is called by its `then` runs as a microtask, at half of queueMicrotask's cost on Node, which tracks each of
 * those by itself.
 */
export const settled: Promise<void> = /* @__PURE__ */ Promise.resolve();

export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
  reject(reason: unknown): void;
}

/** Makes a promise that somebody else settles; a rejection that nobody awaits is not reported as unhandled. */
export function newDeferred<Value>(): Deferred<Value> {
  let resolve!: (value: Value) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<Value>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}

/** Makes a rejected promise that is not reported as unhandled. */
export function rejected(reason: unknown): Promise<never> {
  const promise = Promise.reject(reason);
  promise.catch(() => {});
  return promise;
}

/** Tells whether a handler's result has to be waited for. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as { then?: unknown }).then === "function"
  );
}
