import type { Clock } from "../../src/clock.ts";

interface Timer {
  readonly every: number;
  readonly task: () => void;
  next: number;
}

/** Time that stands still until a test moves it. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();

  /** Timers that are running. */
  get running(): number {
    return this.#timers.size;
  }

  now(): number {
    return this.#now;
  }

  every(milliseconds: number, task: () => void): () => void {
    const timer: Timer = { every: milliseconds, task, next: this.#now + milliseconds };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Moves time on, and calls what is due on the way. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = [...this.#timers].sort((a, b) => a.next - b.next)[0];
      if (due === undefined || due.next > end) break;
      this.#now = due.next;
      due.next += due.every;
      due.task();
    }
    this.#now = end;
  }

  /** Moves time on while nobody looks, as a process does that is held up: each timer is called once, when it is over. */
  stall(milliseconds: number): void {
    this.#now += milliseconds;
    for (const timer of this.#timers) {
      if (timer.next > this.#now) continue;
      timer.next = this.#now + timer.every;
      timer.task();
    }
  }
}
