/**
 * Answers that wait for as long as a connection lasts.
 *
 * @module
 */

import { type Deferred, newDeferred } from "../../src/deferred.ts";

/**
 * What was asked, and has no answer yet. The clients tell nobody what a lost connection means for a request: it would be given up much
 * later, and be overtaken by others.
 */
export class Asked {
  readonly #waiting = new Set<Pick<Deferred<unknown>, "reject">>();

  /** Gives an answer, unless {@link giveUp} comes first. */
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

  /** Rejects all that wait. */
  giveUp(error: Error): void {
    for (const deferred of this.#waiting) deferred.reject(error);
    this.#waiting.clear();
  }
}
