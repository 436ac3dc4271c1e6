/**
 * Time, as the core sees it: one coarse timer for all deadlines of a server or a client.
 *
 * @module
 */

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

/** Something that is due at a time, unless it is cancelled. */
export interface Deadline {
  /** Forgets it. A second call is harmless, as is one after it was due. */
  cancel(): void;
}

interface Entry extends Deadline {
  readonly at: number;
  readonly task: () => void;
}

/** Deadlines that share one timer, which runs only while there are any. */
export class Deadlines {
  readonly #clock: Clock;
  readonly #entries = new Set<Entry>();
  #stop: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Calls `task` once, `milliseconds` from now or up to a tick later.
   *
   * @param milliseconds Infinity for never.
   */
  after(milliseconds: number, task: () => void): Deadline {
    const entry: Entry = {
      at: this.#clock.now() + milliseconds,
      task,
      cancel: () => {
        this.#remove(entry);
      },
    };
    if (milliseconds === Infinity) return entry;
    this.#entries.add(entry);
    this.#stop ??= this.#clock.every(tick, () => {
      this.#check();
    });
    return entry;
  }

  #check(): void {
    const now = this.#clock.now();
    for (const entry of this.#entries) {
      if (entry.at > now) continue;
      this.#remove(entry);
      entry.task();
    }
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry);
    if (this.#entries.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }
}
