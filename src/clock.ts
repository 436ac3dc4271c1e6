/**
 * Time, as the core sees it: one coarse timer for all deadlines of a server or a client.
 *
 * @module
 */

import { type Linked, LinkedList } from "./linked-list.ts";

/** What stops a timer; beside it, where the clock can do it, whether the process lives on for that timer. */
export interface StopTimer {
  /** Stops it for good. */
  (): void;
  /** The process lives on while it runs, as at the beginning. */
  ref?(): void;
  /** The process may end although it runs. */
  unref?(): void;
}

/** A source of time, so that tests can bring their own. */
export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Calls `task` every so many milliseconds until the function that it returns is called. */
  every(milliseconds: number, task: () => void): StopTimer;
}

/** What a runtime's timer may have: on Node, Deno and Bun it does, in a browser it is a number. */
interface SystemTimer {
  ref?(): void;
  unref?(): void;
}

/** The runtime's own time. */
export const systemClock: Clock = {
  now: () => performance.now(),
  every(milliseconds, task) {
    const timer = setInterval(task, milliseconds) as SystemTimer;
    const stop: StopTimer = () => {
      clearInterval(timer as never);
    };
    stop.ref = () => timer.ref?.();
    stop.unref = () => timer.unref?.();
    return stop;
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
  /** Says whether the process lives on for it. Harmless once it was due, or is forgotten. */
  hold(holds: boolean): void;
}

/** Where a deadline lies. */
interface DeadlineList {
  /** Takes one out. @returns false where it was cancelled, or has been due. */
  remove(entry: PendingDeadline): boolean;
  /** Says whether the process lives on for one. */
  hold(entry: PendingDeadline, holds: boolean): void;
}

/** A deadline, and its place among those of its bucket. */
class PendingDeadline implements Deadline, Linked<PendingDeadline> {
  previous: PendingDeadline | undefined = undefined;
  next: PendingDeadline | undefined = undefined;
  readonly at: number;
  readonly task: () => void;
  holds: boolean;
  readonly #list: DeadlineList;

  constructor(at: number, task: () => void, holds: boolean, list: DeadlineList) {
    this.at = at;
    this.task = task;
    this.holds = holds;
    this.#list = list;
  }

  cancel(): void {
    this.#list.remove(this);
  }

  hold(holds: boolean): void {
    this.#list.hold(this, holds);
  }
}

/** Empty buckets that are kept in any case. */
const fewBuckets = 64;

/** The number of the bucket for a time: it holds what is due later than the end of the one before it, up to its own. */
function bucketOf(time: number): number {
  return Math.ceil(time / tick);
}

/**
 * Deadlines that share one timer, which runs only while there are any.
 *
 * They lie in buckets of a tick each, like the leaves of a calendar: what a tick costs grows with what is due by the next
 * one, not with what exists, and to add or to cancel one costs the same among however many.
 */
export class Deadlines {
  readonly #clock: Clock;
  /** By number. Empty ones wait for the next deadline of their time, or are dropped together. */
  #buckets = new Map<number, LinkedList<PendingDeadline>>();
  #empty = 0;
  /** No deadline lies in a bucket of a lower number. */
  #first = 0;
  #size = 0;
  /** Those for which the process lives on. */
  #holding = 0;
  /** Whether the process may live on for any of them. */
  #mayHold = true;
  #stop: StopTimer | undefined;
  #checkedAt = 0;
  #wasLate = false;
  // The last time between two ticks that was much longer than it should be.
  #gapFrom = NaN;
  #gapTo = NaN;
  /** One for all entries. */
  readonly #list: DeadlineList = {
    remove: (entry) => {
      const bucket = this.#buckets.get(bucketOf(entry.at));
      if (bucket?.delete(entry) !== true) return false;
      if (bucket.size === 0) this.#emptied();
      if (entry.holds) this.#release();
      if (--this.#size === 0) {
        this.#stop?.();
        this.#stop = undefined;
      }
      return true;
    },
    hold: (entry, holds) => {
      const isPending =
        entry.previous !== undefined || this.#buckets.get(bucketOf(entry.at))?.first === entry;
      if (isPending && entry.holds !== holds) {
        if (holds) this.#retain();
        else this.#release();
      }
      entry.holds = holds;
    },
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
   * after that, so that what peers have sent is read first. Those of one tick are called in the order of their times. What
   * one throws is thrown to the clock's timer when the others have been called, an `AggregateError` where several do.
   *
   * @param milliseconds From 0 on; Infinity for never.
   * @param holds Whether the process lives on for it.
   * @throws {RangeError} It is negative, or no number.
   */
  after(milliseconds: number, task: () => void, holds = true): Deadline {
    if (!(milliseconds >= 0)) {
      throw new RangeError(`Milliseconds must be a number from 0 on: ${milliseconds}`);
    }
    const now = this.#clock.now();
    const entry = new PendingDeadline(now + milliseconds, task, holds, this.#list);
    if (milliseconds === Infinity) return entry;
    if (this.#stop === undefined) this.#start(now);
    const number = bucketOf(entry.at);
    let bucket = this.#buckets.get(number);
    if (bucket === undefined) this.#buckets.set(number, (bucket = new LinkedList()));
    else if (bucket.size === 0) this.#empty--;
    bucket.add(entry);
    this.#size++;
    if (holds) this.#retain();
    // A clock that went back, against its word, loses nothing.
    if (number < this.#first) this.#first = number;
    return entry;
  }

  /** Says whether the process may live on for any of them: where not, it does for none. */
  hold(holds: boolean): void {
    this.#mayHold = holds;
    if (holds && this.#holding > 0) this.#stop?.ref?.();
    else this.#stop?.unref?.();
  }

  /** Drops empty buckets once they are the most: one at a time costs V8 some microseconds each. */
  #emptied(): void {
    const size = this.#buckets.size;
    if (++this.#empty <= Math.max(fewBuckets, size / 2)) return;
    const filled = new Map<number, LinkedList<PendingDeadline>>();
    for (const [number, bucket] of this.#buckets) if (bucket.size > 0) filled.set(number, bucket);
    this.#buckets = filled;
    this.#empty = 0;
  }

  #start(now: number): void {
    this.#checkedAt = now;
    this.#wasLate = false;
    this.#first = bucketOf(now);
    this.#stop = this.#clock.every(tick, () => {
      this.#check();
    });
    this.#stop.unref?.();
  }

  /** The process lives on for one more. */
  #retain(): void {
    if (++this.#holding === 1 && this.#mayHold) this.#stop?.ref?.();
  }

  /** It lives on for one less. */
  #release(): void {
    if (--this.#holding === 0) this.#stop?.unref?.();
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
    if (!isLate) this.#run(this.#due(now));
  }

  /** Those that are due, in order. Looked for first: a task may cancel others, and what it adds is due later. */
  #due(now: number): PendingDeadline[] {
    const due: PendingDeadline[] = [];
    const last = bucketOf(now);
    // Where more ticks have passed than there are buckets, these are gone through instead.
    if (last - this.#first < this.#buckets.size) {
      for (let number = this.#first; number <= last; number++) {
        const bucket = this.#buckets.get(number);
        if (bucket !== undefined) addDue(due, bucket, now);
      }
    } else {
      for (const [number, bucket] of this.#buckets) {
        if (number <= last) addDue(due, bucket, now);
      }
    }
    // The last one may hold some that are due by the next tick.
    this.#first = last;
    // Those of one time lie in one bucket, as they were added, and stay so.
    return due.sort((one, other) => one.at - other.at);
  }

  #run(due: readonly PendingDeadline[]): void {
    const errors: unknown[] = [];
    for (const entry of due) {
      if (!this.#list.remove(entry)) continue;
      try {
        entry.task();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, "Tasks failed");
  }
}

function addDue(due: PendingDeadline[], bucket: LinkedList<PendingDeadline>, now: number): void {
  for (const entry of bucket) if (entry.at <= now) due.push(entry);
}
