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

/** Gives a promise as it is; a rejection that nobody awaits is not reported as unhandled. */
export function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => {});
  return promise;
}

/** A promise that knows whether anybody has asked what becomes of it. */
class Watched<Value> extends Promise<Value> {
  isSeen = false;

  // What its `then` gives is nobody's concern here.
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // `await` and all that takes a promise call it, since the class is another one than the language's own.
  override then<Done = Value, Failed = never>(
    done?: ((value: Value) => Done | PromiseLike<Done>) | null,
    failed?: ((reason: unknown) => Failed | PromiseLike<Failed>) | null,
  ): Promise<Done | Failed> {
    this.isSeen = true;
    return super.then(done, failed);
  }
}

/**
 * Gives a promise for the same as another one. Where it rejects, and nobody has asked for what becomes of it by then, `unseen` is
 * told, and the rejection is not reported as unhandled.
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
 * Tells whether a handler's result has to be waited for, as `await` would tell: also where its `then` cannot even be read,
 * so that those who wait are told why.
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
 * Waits for a handler's result, whatever it is: a promise, or a thenable whose `then` throws, calls back at once, twice or
 * both ways. One of the two functions is called, once, and never before this returns; they must not throw.
 */
export function whenSettled(
  result: unknown,
  done: ((value: unknown) => void) | undefined,
  failed: (reason: unknown) => void,
): void {
  try {
    // The language's own `then`, also where a promise has another one: nobody keeps to the rules as that does.
    void Promise.prototype.then.call(Promise.resolve(result), done, failed);
  } catch (error) {
    // A promise whose `constructor` cannot be read.
    void settled.then(() => {
      failed(error);
    });
  }
}
