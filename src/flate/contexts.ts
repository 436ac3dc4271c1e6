/**
 * Compressors and decompressors of many connections within one budget of memory.
 *
 * They are made at first use, and shared where no window is kept between messages. A context is in one of three places:
 *
 * - resting: it holds nothing that can be had again, and does not count;
 * - in the line of those that may be rested, the one that was used longest ago first;
 * - aside: it came to the front of the line in the middle of a message, and cannot be rested there.
 *
 * A context that is used goes to the end of the line; the one at the front is rested, or set aside, where the budget is passed or
 * the idle time-out is over. So each step looks at the ends of the line alone, however many contexts there are.
 *
 * A message that has begun and stands still must not hold memory for as long as its sender likes, nor push out others. So
 * a context is rested between the pieces of a message, too, if its engine can bring it back to where it was; one of
 * `framewire/zlib` can as long as little of the message has come. What is larger holds a decompressor, which is no more
 * than a few times what the sender has sent; and all that are aside leave at least half of the budget to the line.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../clock.ts";
import { type Linked, LinkedList } from "../linked-list.ts";
import type { Context, Deflater, Engine, Inflater } from "./engine.ts";

/** What {@link Contexts} are told. */
export interface ContextsOptions {
  readonly engine: Engine;
  /** 0 to 9. */
  readonly level: number;
  /** 1 to 9. */
  readonly memLevel: number;
  /** Bytes that contexts may hold together while they could do without. Infinity for no limit. */
  readonly maxMemory: number;
  /** Milliseconds after which a context that is not used is rested. Infinity for never. */
  readonly idleTimeout: number;
  /** Where that time is kept. */
  readonly deadlines: Deadlines;
}

/** A context, and its place among the others. For {@link Contexts} alone to write. */
export class PooledContext<Kind extends Context> implements Linked<PooledContext<Context>> {
  readonly context: Kind;
  /** The shelf that it goes back to, undefined where it belongs to one connection. */
  readonly shelf: PooledContext<Kind>[] | undefined;
  place: "resting" | "in line" | "aside" = "resting";
  /** Whether a message has begun and not ended. */
  isInMessage = false;
  /** Number of the sweep before which it was used last. */
  used = 0;
  previous: PooledContext<Context> | undefined = undefined;
  next: PooledContext<Context> | undefined = undefined;

  constructor(context: Kind, shelf: PooledContext<Kind>[] | undefined) {
    this.context = context;
    this.shelf = shelf;
  }
}

/** How many contexts of a kind lie ready for their next use. Beyond that they are made anew. */
const mostOnShelf = 64;

/** The contexts of one server or client. */
export class Contexts {
  readonly #options: ContextsOptions;
  /** Entries that are lent out message by message, by window bits. */
  readonly #deflaters = new Map<number, PooledContext<Deflater>[]>();
  readonly #inflaters = new Map<number, PooledContext<Inflater>[]>();
  readonly #line = new LinkedList<PooledContext<Context>>();
  /** Bytes of those in the line, and of those aside. */
  #inLine = 0;
  #aside = 0;
  #sessions = 0;
  #sweeps = 0;
  #sweepDeadline: Deadline | undefined;

  constructor(options: ContextsOptions) {
    this.#options = options;
  }

  /** Bytes that contexts hold, as far as their engine knows. */
  get memory(): number {
    return this.#inLine + this.#aside;
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
        for (const entry of shelf) this.closeContext(entry);
      }
      shelves.clear();
    }
    this.#sweepDeadline?.cancel();
    this.#sweepDeadline = undefined;
  }

  /**
   * Gives a compressor.
   *
   * @param isShared Whether it is given back after the message, and its window forgotten.
   */
  deflater(windowBits: number, isShared: boolean): PooledContext<Deflater> {
    const { engine, level, memLevel } = this.#options;
    const shelf = isShared ? shelfOf(this.#deflaters, windowBits) : undefined;
    return (
      shelf?.pop() ?? new PooledContext(engine.newDeflater({ windowBits, level, memLevel }), shelf)
    );
  }

  /** Gives a decompressor. As {@link deflater}. */
  inflater(windowBits: number, isShared: boolean): PooledContext<Inflater> {
    const shelf = isShared ? shelfOf(this.#inflaters, windowBits) : undefined;
    return (
      shelf?.pop() ?? new PooledContext(this.#options.engine.newInflater({ windowBits }), shelf)
    );
  }

  /** A context is about to be called, for a message that has begun: it takes its memory. */
  use(entry: PooledContext<Context>): void {
    entry.isInMessage = true;
    entry.used = this.#sweeps;
    if (entry === this.#line.last || entry.place === "aside") return;
    if (entry.place === "in line") this.#line.delete(entry);
    else this.#inLine += entry.context.memory;
    this.#addToLine(entry);
  }

  /** The message is done. What is shared goes back, for other connections. */
  end<Kind extends Context>(entry: PooledContext<Kind>): void {
    entry.isInMessage = false;
    const { shelf } = entry;
    if (shelf !== undefined) {
      if (shelf.length === mostOnShelf) {
        this.closeContext(entry);
        return;
      }
      entry.context.reset();
      shelf.push(entry);
    }
    if (entry.place !== "aside") return;
    this.#takeOut(entry);
    this.#inLine += entry.context.memory;
    entry.used = this.#sweeps;
    this.#addToLine(entry);
  }

  /** Frees a context for good. */
  closeContext(entry: PooledContext<Context>): void {
    entry.context.close();
    this.#takeOut(entry);
  }

  #addToLine(entry: PooledContext<Context>): void {
    entry.place = "in line";
    this.#line.add(entry);
    this.#makeRoom();
    this.#sweepDeadline ??= this.#nextSweep();
  }

  /** It holds nothing any more. */
  #takeOut(entry: PooledContext<Context>): void {
    const { memory } = entry.context;
    if (entry.place === "aside") {
      this.#aside -= memory;
    } else if (entry.place === "in line") {
      this.#inLine -= memory;
      this.#line.delete(entry);
    }
    entry.place = "resting";
  }

  /** Rests what was used longest ago, until the memory is within its limit; not what was added last, which is in use. */
  #makeRoom(): void {
    const { maxMemory } = this.#options;
    while (this.#inLine > maxMemory - Math.min(this.#aside, maxMemory / 2)) {
      const first = this.#line.first!;
      if (first === this.#line.last) return;
      this.#restOrSetAside(first);
    }
  }

  /** Rests what is at the front of the line; sets it aside where it cannot do without what it holds. */
  #restOrSetAside(entry: PooledContext<Context>): void {
    this.#takeOut(entry);
    if (entry.isInMessage && entry.context.canRest !== true) {
      entry.place = "aside";
      this.#aside += entry.context.memory;
    } else {
      entry.context.rest();
    }
  }

  /** Twice in the time-out: what is not used between two sweeps is rested by the second. */
  #nextSweep(): Deadline {
    const { deadlines, idleTimeout } = this.#options;
    const sweep = (): void => {
      this.#sweep();
    };
    // No process lives on only to free memory.
    return deadlines.after(idleTimeout / 2, sweep, false);
  }

  #sweep(): void {
    this.#sweeps++;
    let entry = this.#line.first;
    while (entry !== undefined && entry.used < this.#sweeps - 1) {
      this.#restOrSetAside(entry);
      entry = this.#line.first;
    }
    this.#sweepDeadline = entry === undefined ? undefined : this.#nextSweep();
  }
}

function shelfOf<Kind extends Context>(
  shelves: Map<number, PooledContext<Kind>[]>,
  windowBits: number,
): PooledContext<Kind>[] {
  let shelf = shelves.get(windowBits);
  if (shelf === undefined) {
    shelf = [];
    shelves.set(windowBits, shelf);
  }
  return shelf;
}
