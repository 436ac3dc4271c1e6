import { FakeClock } from "./fake-clock.ts";

/** Time that may also pass without a tick, as it does in a process that is held up. */
export class JumpingClock extends FakeClock {
  #skipped = 0;

  override now(): number {
    return super.now() + this.#skipped;
  }

  /** Lets time pass while nothing runs: what is due is found late. */
  jump(milliseconds: number): void {
    this.#skipped += milliseconds;
  }
}
