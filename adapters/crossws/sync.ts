/**
 * A backplane with the interface of `crossws`: publications to and from other instances.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { isPromise } from "../../src/deferred.ts";
import type { AdapterOptions, SyncDriver, SyncErrorContext, SyncMessage } from "./types.ts";

function print(error: unknown, { stage }: SyncErrorContext): void {
  console.error(`framewire/crossws: sync ${stage} failed:`, error);
}

/** Carries publications. Failures are reported, not thrown: by then a publication has been delivered on this instance. */
export class Sync {
  readonly driver: SyncDriver;
  readonly #onError: (error: unknown, context: SyncErrorContext) => void;

  /** Begins to listen to other instances. @param deliver Called with their publications. */
  constructor(
    make: NonNullable<AdapterOptions["sync"]>,
    onError: AdapterOptions["onError"],
    deliver: (message: SyncMessage) => void,
  ) {
    this.#onError = onError ?? print;
    this.driver = make({ id: randomUUID() });
    this.#guard("subscribe", () =>
      this.driver.subscribe((message) => {
        this.#guard("delivery", () => {
          deliver(message);
        });
      }),
    );
  }

  /** Publishes to other instances. */
  publish(message: SyncMessage): void {
    this.#guard("publish", () => this.driver.publish(message));
  }

  #guard(stage: SyncErrorContext["stage"], act: () => unknown): void {
    const fail = (error: unknown): void => {
      this.#onError(error, { stage });
    };
    try {
      const result = act();
      if (isPromise(result)) result.then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  }
}
