/**
 * Time in the core: one coarse timer for all deadlines of a server or a client.
 *
 * Theory of operation. Deadlines lie in buckets of one tick (100 ms) each, like the days of a calendar. The shared timer runs
 * only while there are deadlines. At each tick it takes the due deadlines out of their buckets, and calls their tasks in order.
 *
 * @module
 */

import { type Linked, LinkedList } from "./linked-list.ts";

/** Stops a timer. On some clocks it also says whether the timer keeps the process alive. */
export interface StopTimer {
  /** Stops the timer, which cannot be started again. */
  (): void;
  /** Makes the timer keep the process alive, as it does at first. */
  ref?(): void;
  /** Lets the process end although the timer runs. */
  unref?(): void;
}

/** A source of time, so that tests can bring their own. */
export interface Clock {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Calls `task` every so many milliseconds, until the returned function is called. */
  every(milliseconds: number, task: () => void): StopTimer;
}

/** The methods that a runtime's timer may have: on Node, Deno and Bun it has them; in a browser it is a number. */
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

/** Milliseconds by which a deadline may be noticed late. */
export const tick = 100;

/** Milliseconds between two ticks from which the process counts as held up. */
const lateness = 5 * tick;

let ofSystem: Deadlines | undefined;

/** Gives the deadlines of a clock. All users of the runtime's own time share one timer. */
export function deadlinesOn(clock: Clock = systemClock): Deadlines {
  return clock === systemClock ? (ofSystem ??= new Deadlines(clock)) : new Deadlines(clock);
}

/** A task that is due at a time, unless it is cancelled. */
export interface Deadline {
  /** Cancels it. A second call does nothing, nor does a call after it was due. */
  cancel(): void;
  /** Says whether it keeps the process alive. Does nothing after it was due or cancelled. */
  hold(holds: boolean): void;
}

/** The list that a deadline lies in. */
interface DeadlineList {
  /** Removes a deadline. @returns false if it was cancelled before, or has been due. */
  remove(entry: PendingDeadline): boolean;
  /** Says whether a deadline keeps the process alive. */
  hold(entry: PendingDeadline, holds: boolean): void;
}

/** A deadline, and its place in its bucket. */
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

/** Empty buckets that are always kept. */
const fewBuckets = 64;

/**
 * Gives the number of the bucket for a time. A bucket holds what is due after the end of the bucket before, up to its own end.
 */
function bucketOf(time: number): number {
  return Math.ceil(time / tick);
}

/**
 * Deadlines that share one timer, which runs only while there are deadlines.
 *
 * They lie in buckets of one tick each, like the days of a calendar. So the cost of a tick grows with the deadlines that are due,
 * not with all that exist, and adding or cancelling a deadline costs the same among any number of others.
 */
export class Deadlines {
  readonly #clock: Clock;
  /** The buckets by number. Empty ones wait for the next deadline of their time, or are dropped together. */
  #buckets = new Map<number, LinkedList<PendingDeadline>>();
  #empty = 0;
  /** No bucket with a lower number holds a deadline. */
  #first = 0;
  #size = 0;
  /** The number of deadlines that keep the process alive. */
  #holding = 0;
  /** Whether deadlines may keep the process alive at all. */
  #mayHold = true;
  #stop: StopTimer | undefined;
  #checkedAt = 0;
  #wasLate = false;
  // The last gap between two ticks that was much longer than it should be.
  #gapFrom = NaN;
  #gapTo = NaN;
  /** One object for all deadlines. */
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
   * Begins without deadlines.
   *
   * @param clock Gives the time, and the timer.
   */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds on the clock, exact. */
  now(): number {
    return this.#clock.now();
  }

  /** Milliseconds on the clock at the last tick; reading it costs nothing. It is current as long as there are deadlines. */
  get coarseNow(): number {
    return this.#checkedAt;
  }

  /** Gives the latest time, in milliseconds on the clock, at which {@link coarseNow} may have had the value `coarse`. */
  latest(coarse: number): number {
    return coarse === this.#gapFrom ? this.#gapTo : coarse + tick;
  }

  /**
   * Calls `task` once, after `milliseconds` or up to one tick later. If the process was held up meanwhile, it is called one tick
   * after that, so that bytes from peers are read first. Tasks of one tick are called in the order of their times. If a task
   * throws, the others are still called, and then the clock's timer gets the error, or an `AggregateError` of several.
   *
   * @param milliseconds From 0 on; Infinity for never.
   * @param holds Whether the deadline keeps the process alive.
   * @throws {RangeError} `milliseconds` is negative, or no number.
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
    // A clock that goes back, though it must not, makes no deadline get lost.
    if (number < this.#first) this.#first = number;
    return entry;
  }

  /** Says whether deadlines may keep the process alive; with false, none does. */
  hold(holds: boolean): void {
    this.#mayHold = holds;
    if (holds && this.#holding > 0) this.#stop?.ref?.();
    else this.#stop?.unref?.();
  }

  /** Drops the empty buckets together when they are the majority: dropping each one alone costs V8 some microseconds. */
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

  /** Counts one more deadline that keeps the process alive. */
  #retain(): void {
    if (++this.#holding === 1 && this.#mayHold) this.#stop?.ref?.();
  }

  /** Counts one less. */
  #release(): void {
    if (--this.#holding === 0) this.#stop?.unref?.();
  }

  #check(): void {
    const now = this.#clock.now();
    // A process that was held up runs its timers before it reads its sockets. One tick later it has read what peers sent in time.
    // It waits only one tick: otherwise a process that is always late would never enforce a deadline.
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

  /** Gives the due deadlines, in order. They are collected first: a task may cancel others, and a task it adds is due later. */
  #due(now: number): PendingDeadline[] {
    const due: PendingDeadline[] = [];
    const last = bucketOf(now);
    // If more ticks have passed than there are buckets, it goes through the buckets instead.
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
    // The last bucket may hold deadlines that are due by the next tick.
    this.#first = last;
    // Deadlines with the same time lie in one bucket in the order in which they were added, and the sort keeps that order.
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
