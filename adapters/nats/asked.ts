/**
 * Requests that wait for an answer only as long as their connection lasts.
 *
 * @module
 */

import { type Deferred, newDeferred } from "../../src/deferred.ts";

/**
 * Requests that have no answer yet. When a connection is lost, the clients do not reject its requests: these would fail only much
 * later, after newer requests. So the owner rejects them here.
 */
export class Asked {
  readonly #waiting = new Set<Pick<Deferred<unknown>, "reject">>();

  /** Gives the answer, or rejects if {@link giveUp} is called first. */
  until<Value>(answer: Promise<Value>): Promise<Value> {
    const deferred = newDeferred<Value>();
    this.#waiting.add(deferred);
    void (async () => {
      try {
        deferred.resolve(await answer);
      } catch (error) {
        deferred.reject(error);
      }
      this.#waiting.delete(deferred);
    })();
    return deferred.promise;
  }

  /** Rejects all requests that wait. */
  giveUp(error: Error): void {
    for (const deferred of this.#waiting) deferred.reject(error);
    this.#waiting.clear();
  }
}
