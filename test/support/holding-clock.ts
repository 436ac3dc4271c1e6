import type { StopTimer } from "../../src/clock.ts";
import { FakeClock } from "./fake-clock.ts";

/** Time that stands still until a test moves it, and writes down whether the process lives on for its last timer. */
export class HoldingClock extends FakeClock {
  readonly #held: boolean[];

  constructor(held: boolean[]) {
    super();
    this.#held = held;
  }

  override every(milliseconds: number, task: () => void): StopTimer {
    const stop = super.every(milliseconds, task);
    this.#held.push(true);
    return Object.assign(
      () => {
        stop();
        this.#held.push(false);
      },
      { ref: () => void this.#held.push(true), unref: () => void this.#held.push(false) },
    );
  }
}
