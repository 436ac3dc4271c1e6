/**
 * Promises that other code settles, and checks of promises. Node 20 has no Promise.withResolvers.
 *
 * @module
 */

/**
 * A resolved promise. A callback of its `then` runs as a microtask, at half the cost of queueMicrotask on Node, which tracks each
 * of its callbacks.
 */
export const settled: Promise<void> = /* @__PURE__ */ Promise.resolve();

export interface Deferred<Value> {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
  reject(reason: unknown): void;
}

/** Makes a promise with the functions that settle it. A rejection that nobody awaits is not reported as unhandled. */
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

/** Returns the same promise. A rejection that nobody awaits is not reported as unhandled. */
export function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}

/** A promise that knows whether `then` was called. */
class Watched<Value> extends Promise<Value> {
  isSeen = false;

  // The promises that its `then` returns are plain ones.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // `await` and all functions that take a promise call this `then`, because the class differs from the language's own.
  override then<Done = Value, Failed = never>(
    done?: ((value: Value) => Done | PromiseLike<Done>) | null,
    failed?: ((reason: unknown) => Failed | PromiseLike<Failed>) | null,
  ): Promise<Done | Failed> {
    this.isSeen = true;
    return super.then(done, failed);
  }
}

/**
 * Gives a promise with the same result. If it rejects, and nobody has called `then` on the new promise by that time, `unseen` is
 * called and the rejection is not reported as unhandled.
 */
export function watched<Value>(
  promise: Promise<Value>,
  unseen: (reason: unknown) => void,
): Promise<Value> {
  const watching = new Watched<Value>((resolve) => {
    resolve(promise);
  });
  Promise.prototype.then.call(watching, undefined, (reason: unknown) => {
    if (!watching.isSeen) unseen(reason);
  });
  return watching;
}

/** Makes a rejected promise that is not reported as unhandled. */
export function rejected(reason: unknown): Promise<never> {
  return quiet(Promise.reject(reason));
}

/**
 * Tells whether a handler's result must be awaited, by the rules of `await`. It gives true for a value whose `then` cannot be
 * read: the caller then awaits it, and gets the error.
 */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  try {
    return typeof (value as { then?: unknown }).then === "function";
  } catch {
    return true;
  }
}

/**
 * Waits for a handler's result of any kind: a promise, or a thenable whose `then` throws, calls back at once, calls back twice,
 * or calls both functions. One of the two functions is called, once, and never before this returns; they must not throw.
 */
export function whenSettled(
  result: unknown,
  done: ((value: unknown) => void) | undefined,
  failed: (reason: unknown) => void,
): void {
  try {
    // The language's own `then`, even if the promise has another one: only the language's own surely keeps to the rules.
    void Promise.prototype.then.call(Promise.resolve(result), done, failed);
  } catch (error) {
    // The `constructor` of the promise cannot be read.
    void settled.then(() => {
      failed(error);
    });
  }
}
