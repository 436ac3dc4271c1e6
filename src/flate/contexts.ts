/**
 * Compressors and decompressors of many connections within one budget of memory: made at first use, shared where no
 * window is kept between messages, rested where they idle or others need the room.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../clock.ts";
import type { Context, Deflater, Engine, Inflater } from "./engine.ts";

/** What {@link Contexts} are told. */
export interface ContextsOptions {
  readonly engine: Engine;
  /** 0 to 9. */
  readonly level: number;
  /** 1 to 9. */
  readonly memLevel: number;
  /** Bytes that contexts may hold together while they are not at work on a message. Infinity for no limit. */
  readonly maxMemory: number;
  /** Milliseconds after which a context that is not used is rested. Infinity for never. */
  readonly idleTimeout: number;
  /** Where that time is kept. */
  readonly deadlines: Deadlines;
}

/** A context with its place among the others, least recently used first. */
export class Entry<Kind extends Context> {
  readonly context: Kind;
  /** The shelf that it goes back to, undefined where it belongs to one connection. */
  readonly shelf: Entry<Kind>[] | undefined;
  /** In a message: it must not be rested. */
  isAtWork = false;
  /** Whether it is in the list, and counts. */
  isResident = false;
  /** Number of the sweep before which it was used last. */
  used = 0;
  previous: Entry<Context> | undefined;
  next: Entry<Context> | undefined;

  constructor(context: Kind, shelf: Entry<Kind>[] | undefined) {
    this.context = context;
    this.shelf = shelf;
  }
}

/** The contexts of one server or client. */
export class Contexts {
  readonly #options: ContextsOptions;
  /** Entries that are lent out message by message, by window bits. */
  readonly #deflaters = new Map<number, Entry<Deflater>[]>();
  readonly #inflaters = new Map<number, Entry<Inflater>[]>();
  #oldest: Entry<Context> | undefined;
  #newest: Entry<Context> | undefined;
  #memory = 0;
  #sessions = 0;
  #sweeps = 0;
  #sweepDeadline: Deadline | undefined;

  constructor(options: ContextsOptions) {
    this.#options = options;
  }

  /** Bytes that contexts hold, as far as their engine knows. */
  get memory(): number {
    return this.#memory;
  }

  /** A connection has begun. */
  opened(): void {
    this.#sessions++;
  }

  /** A connection is over. With the last one all that is lent out message by message is freed. */
  closed(): void {
    if (--this.#sessions > 0) return;
    for (const shelves of [this.#deflaters, this.#inflaters]) {
      for (const shelf of shelves.values()) {
        for (const entry of shelf) this.close(entry);
      }
      shelves.clear();
    }
  }

  /**
   * Gives a compressor, at work from now on.
   *
   * @param isShared Whether it is given back after the message, and its window forgotten.
   */
  deflater(windowBits: number, isShared: boolean): Entry<Deflater> {
    const { engine, level, memLevel } = this.#options;
    const shelf = isShared ? shelfOf(this.#deflaters, windowBits) : undefined;
    const entry =
      shelf?.pop() ?? new Entry(engine.newDeflater({ windowBits, level, memLevel }), shelf);
    this.begin(entry);
    return entry;
  }

  /** Gives a decompressor, at work from now on. As {@link deflater}. */
  inflater(windowBits: number, isShared: boolean): Entry<Inflater> {
    const shelf = isShared ? shelfOf(this.#inflaters, windowBits) : undefined;
    const entry =
      shelf?.pop() ?? new Entry(this.#options.engine.newInflater({ windowBits }), shelf);
    this.begin(entry);
    return entry;
  }

  /** A message begins. */
  begin(entry: Entry<Context>): void {
    entry.isAtWork = true;
    entry.used = this.#sweeps;
    if (entry === this.#newest) return;
    if (entry.isResident) {
      this.#unlink(entry);
    } else {
      entry.isResident = true;
      this.#memory += entry.context.memory;
    }
    this.#link(entry);
    this.#makeRoom();
    this.#sweepDeadline ??= this.#nextSweep();
  }

  /** The message is done. What is shared goes back, for other connections. */
  end<Kind extends Context>(entry: Entry<Kind>): void {
    entry.isAtWork = false;
    if (entry.shelf === undefined) return;
    entry.context.reset();
    entry.shelf.push(entry);
  }

  /** Frees a context for good. */
  close(entry: Entry<Context>): void {
    entry.context.close();
    if (!entry.isResident) return;
    this.#remove(entry);
  }

  /** Rests what was not used for longest, until the memory is within its limit or all that is left is at work. */
  #makeRoom(): void {
    let entry = this.#oldest;
    while (entry !== undefined && this.#memory > this.#options.maxMemory) {
      const { next } = entry;
      if (!entry.isAtWork) this.#rest(entry);
      entry = next;
    }
  }

  #rest(entry: Entry<Context>): void {
    entry.context.rest();
    this.#remove(entry);
  }

  #remove(entry: Entry<Context>): void {
    entry.isResident = false;
    this.#memory -= entry.context.memory;
    this.#unlink(entry);
    if (this.#oldest !== undefined) return;
    this.#sweepDeadline?.cancel();
    this.#sweepDeadline = undefined;
  }

  /** Twice in the time-out: what is not used between two sweeps is rested by the second. */
  #nextSweep(): Deadline {
    const { deadlines, idleTimeout } = this.#options;
    return deadlines.after(idleTimeout / 2, () => {
      this.#sweep();
    });
  }

  #sweep(): void {
    this.#sweeps++;
    let entry = this.#oldest;
    this.#sweepDeadline = this.#nextSweep();
    while (entry !== undefined && entry.used < this.#sweeps - 1) {
      const { next } = entry;
      if (!entry.isAtWork) this.#rest(entry);
      entry = next;
    }
  }

  #link(entry: Entry<Context>): void {
    entry.previous = this.#newest;
    entry.next = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.next = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry<Context>): void {
    if (entry.previous === undefined) this.#oldest = entry.next;
    else entry.previous.next = entry.next;
    if (entry.next === undefined) this.#newest = entry.previous;
    else entry.next.previous = entry.previous;
    entry.previous = undefined;
    entry.next = undefined;
  }
}

function shelfOf<Kind extends Context>(
  shelves: Map<number, Entry<Kind>[]>,
  windowBits: number,
): Entry<Kind>[] {
  let shelf = shelves.get(windowBits);
  if (shelf === undefined) {
    shelf = [];
    shelves.set(windowBits, shelf);
  }
  return shelf;
}
