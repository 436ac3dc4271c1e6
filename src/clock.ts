/**
 * Time, as the core sees it: one coarse timer for all deadlines of a server or a client.
 *
 * @module
 */

import { type Linked, LinkedList } from "./linked-list.ts";

/** A source of time, so that tests can bring their own. */
export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Calls `task` every so many milliseconds until the function that it returns is called. */
  every(milliseconds: number, task: () => void): () => void;
}

/** The runtime's own time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  every(milliseconds, task) {
    const timer = setInterval(task, milliseconds);
    return () => {
      clearInterval(timer as never);
    };
  },
};

/** How late a deadline may be noticed, in milliseconds. */
export const tick = 100;

/** Milliseconds between two ticks from which on the process was held up. */
const lateness = 5 * tick;

let ofSystem: Deadlines | undefined;

/** Gives the deadlines on a clock: all on the runtime's own time share one timer. */
export function deadlinesOn(clock: Clock = systemClock): Deadlines {
  return clock === systemClock ? (ofSystem ??= new Deadlines(clock)) : new Deadlines(clock);
}

/** Something that is due at a time, unless it is cancelled. */
export interface Deadline {
  /** Forgets it. A second call is harmless, as is one after it was due. */
  cancel(): void;
}

/** A deadline, and its place among the others. */
class Entry implements Deadline, Linked<Entry> {
  previous: Entry | undefined = undefined;
  next: Entry | undefined = undefined;
  readonly at: number;
  readonly task: () => void;
  readonly #remove: (entry: Entry) => void;

  constructor(at: number, task: () => void, remove: (entry: Entry) => void) {
    this.at = at;
    this.task = task;
    this.#remove = remove;
  }

  cancel(): void {
    this.#remove(this);
  }
}

/** Deadlines that share one timer, which runs only while there are any. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #entries = new LinkedList<Entry>();
  #stop: (() => void) | undefined;
  #checkedAt = 0;
  #wasLate = false;
  // The last time between two ticks that was much longer than it should be.
  #gapFrom = NaN;
  #gapTo = NaN;
  /** Takes one out; gives false where it was cancelled, or has been due. One for all entries. */
  readonly #remove = (entry: Entry): boolean => {
    if (!this.#entries.delete(entry)) return false;
    if (this.#entries.size === 0) {
      this.#stop?.();
      this.#stop = undefined;
    }
    return true;
  };

  /**
   * Begins with nothing that is due.
   *
   * @param clock Where time is kept.
   */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds on the clock, exactly. */
  now(): number {
    return this.#clock.now();
  }

  /** Milliseconds on the clock as of the last tick; costs nothing, and is right while anything is due. */
  get coarseNow(): number {
    return this.#checkedAt;
  }

  /** The latest that it may have been when {@link coarseNow} was `coarse`, in milliseconds on the clock. */
  latest(coarse: number): number {
    return coarse === this.#gapFrom ? this.#gapTo : coarse + tick;
  }

  /**
   * Calls `task` once, `milliseconds` from now or up to a tick later; where the process was held up meanwhile, a tick
   * after that, so that what peers have sent is read first.
   *
   * @param milliseconds Infinity for never.
   */
  after(milliseconds: number, task: () => void): Deadline {
    const entry = new Entry(this.#clock.now() + milliseconds, task, this.#remove);
    if (milliseconds === Infinity) return entry;
    this.#entries.add(entry);
    if (this.#stop === undefined) {
      this.#checkedAt = this.#clock.now();
      this.#wasLate = false;
      this.#stop = this.#clock.every(tick, () => {
        this.#check();
      });
    }
    return entry;
  }

  #check(): void {
    const now = this.#clock.now();
    // A process that was held up finds its timers before its sockets: one tick later it has read what peers sent in
    // time. Only one, or a process that is always late would never hold anybody to a deadline.
    const gap = now - this.#checkedAt;
    const isLate = gap > lateness && !this.#wasLate;
    if (gap > 2 * tick) {
      this.#gapFrom = this.#checkedAt;
      this.#gapTo = now;
    }
    this.#checkedAt = now;
    this.#wasLate = isLate;
    if (isLate) return;
    // Looked for first: a task may cancel others, and what it adds is due later.
    const due: Entry[] = [];
    for (const entry of this.#entries) if (entry.at <= now) due.push(entry);
    for (const entry of due) {
      if (this.#remove(entry)) entry.task();
    }
  }
}
