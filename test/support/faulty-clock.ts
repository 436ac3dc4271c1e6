import type { Clock } from "../../src/clock.ts";

/** What is wrong with one tick of a {@link FaultyClock}. */
export type TickFault =
  /** It does not come. */
  | "never"
  /** It comes again at once. */
  | "twice"
  /** It comes when none of its time has passed. */
  | "early"
  /** It comes seconds late. */
  | "late"
  /** It comes once more when its timer has been stopped. */
  | "behind its end";

export const tickFaults: readonly TickFault[] = [
  "never",
  "twice",
  "early",
  "late",
  "behind its end",
];

interface Timer {
  readonly every: number;
  readonly task: () => void;
  next: number;
  isStopped: boolean;
}

/** Milliseconds that a late tick is late. */
export const lateness = 3000;

/** Time that a test moves, of which one tick, of whatever timer, goes wrong. */
export class FaultyClock implements Clock {
  /** Ticks until now. */
  ticks = 0;
  readonly #faultAt: number;
  readonly #fault: TickFault | undefined;
  #now = 0;
  readonly #timers = new Set<Timer>();
  #haunting: Timer | undefined;

  /** @param faultAt Which tick goes wrong, from 1. */
  constructor(faultAt = Infinity, fault?: TickFault) {
    this.#faultAt = faultAt;
    this.#fault = fault;
  }

  /** Timers that are running. */
  get running(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  every(milliseconds: number, task: () => void): () => void {
    const timer: Timer = {
      every: milliseconds,
      task,
      next: this.#now + milliseconds,
      isStopped: false,
    };
    this.#timers.add(timer);
    return () => {
      timer.isStopped = true;
      this.#timers.delete(timer);
    };
  }

  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = [...this.#timers].sort((a, b) => a.next - b.next)[0];
      if (due === undefined || due.next > end) break;
      this.#now = Math.max(this.#now, due.next);
      due.next += due.every;
      this.#tick(due);
    }
    this.#now = Math.max(this.#now, end);
    if (this.#haunting?.isStopped === true) {
      this.#haunting.task();
      this.#haunting = undefined;
    }
  }

  #tick(timer: Timer): void {
    const fault = ++this.ticks === this.#faultAt ? this.#fault : undefined;
    switch (fault) {
      case "never":
        return;
      case "late":
        this.#now += lateness;
        break;
      case "early": {
        const now = this.#now;
        this.#now -= timer.every;
        timer.task();
        this.#now = now;
        return;
      }
      case "twice":
        timer.task();
        break;
      case "behind its end":
        this.#haunting = timer;
        break;
    }
    if (!timer.isStopped) timer.task();
  }
}
