/**
 * Keeps the compressors and decompressors of many connections within one budget of memory.
 *
 * Theory of operation. A context is made at its first use. Connections that keep no window between messages share contexts. A
 * context is in one of three places:
 *
 * - resting: it holds no memory that it could allocate again, and does not count;
 * - in line: it holds memory that can be freed; the context that was used longest ago comes first;
 * - aside: it came to the front of the line in the middle of a message, and its memory cannot be freed there.
 *
 * A context that is used goes to the end of the line. When the budget is exceeded or the idle time-out is over, the context at
 * the front is rested or set aside. So each step looks only at the ends of the line, however many contexts there are.
 *
 * A sender that stops in the middle of a message must not hold memory for as long as it likes, nor push out other connections. So
 * a context is rested between the pieces of a message, too, if its engine can restore its state; one of `framewire/zlib` can, as
 * long as little of the message has come. Beyond that, a decompressor keeps its memory, which is only a few times what the sender
 * has sent. Contexts that are aside leave at least half of the budget to the line.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../clock.ts";
import { type Linked, LinkedList } from "../linked-list.ts";
import type { Context, Deflater, Engine, Inflater } from "./engine.ts";

/** Settings of {@link Contexts}. */
export interface ContextsOptions {
  readonly engine: Engine;
  /** 0 to 9. */
  readonly level: number;
  /** 1 to 9. */
  readonly memLevel: number;
  /** Bytes that contexts may hold together. Those that cannot be freed count for at most half of it. Infinity for no limit. */
  readonly maxMemory: number;
  /** Milliseconds after which a context that is not used is rested. Infinity for never. */
  readonly idleTimeout: number;
  /** Keeps that time. */
  readonly deadlines: Deadlines;
}

/** A context, and its place among the others. Only {@link Contexts} writes to it. */
export class PooledContext<Kind extends Context> implements Linked<PooledContext<Context>> {
  readonly context: Kind;
  /** The shelf that it goes back to; undefined if it belongs to one connection. */
  readonly shelf: PooledContext<Kind>[] | undefined;
  place: "resting" | "in line" | "aside" = "resting";
  /** Whether a message has begun and not ended. */
  isInMessage = false;
  /** Number of sweeps before its last use. */
  used = 0;
  previous: PooledContext<Context> | undefined = undefined;
  next: PooledContext<Context> | undefined = undefined;

  constructor(context: Kind, shelf: PooledContext<Kind>[] | undefined) {
    this.context = context;
    this.shelf = shelf;
  }
}

/** Contexts of a kind that are kept for their next use, at most; others are closed, and made again when they are needed. */
const mostOnShelf = 64;

/** The contexts of one server or client. */
export class Contexts {
  readonly #options: ContextsOptions;
  /** Contexts that are lent for one message, by window bits. */
  readonly #deflaters = new Map<number, PooledContext<Deflater>[]>();
  readonly #inflaters = new Map<number, PooledContext<Inflater>[]>();
  readonly #line = new LinkedList<PooledContext<Context>>();
  /** Bytes of the contexts in line, and of those aside. */
  #inLine = 0;
  #aside = 0;
  #sessions = 0;
  #sweeps = 0;
  #sweepDeadline: Deadline | undefined;

  constructor(options: ContextsOptions) {
    this.#options = options;
  }

  /** Bytes that contexts hold, as far as the engine knows. */
  get memory(): number {
    return this.#inLine + this.#aside;
  }

  /** Counts a connection that has begun. */
  opened(): void {
    this.#sessions++;
  }

  /** Counts a connection that has ended. The last one frees all contexts that are lent for one message. */
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
   * @param isShared Whether it is given back after each message, and its window forgotten.
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

  /** Prepares a context for a call: it will take its memory, for a message that has begun. */
  use(entry: PooledContext<Context>): void {
    entry.isInMessage = true;
    entry.used = this.#sweeps;
    if (entry === this.#line.last || entry.place === "aside") return;
    if (entry.place === "in line") this.#line.delete(entry);
    else this.#inLine += entry.context.memory;
    this.#addToLine(entry);
  }

  /** Ends the message. A shared context goes back to its shelf, for other connections. */
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

  /** Frees a context, which cannot be used again. */
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

  /** Takes a context out of its place: it holds nothing any more. */
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

  /** Rests the contexts used longest ago until the memory is within its limit, but never the one added last, which is in use. */
  #makeRoom(): void {
    const { maxMemory } = this.#options;
    while (this.#inLine > maxMemory - Math.min(this.#aside, maxMemory / 2)) {
      const first = this.#line.first!;
      if (first === this.#line.last) return;
      this.#restOrSetAside(first);
    }
  }

  /** Rests the context at the front of the line, or sets it aside if its memory cannot be freed now. */
  #restOrSetAside(entry: PooledContext<Context>): void {
    this.#takeOut(entry);
    if (entry.isInMessage && entry.context.canRest !== true) {
      entry.place = "aside";
      this.#aside += entry.context.memory;
    } else {
      entry.context.rest();
    }
  }

  /** Sweeps twice in each time-out: a context that is not used between two sweeps is rested by the second. */
  #nextSweep(): Deadline {
    const { deadlines, idleTimeout } = this.#options;
    const sweep = (): void => {
      this.#sweep();
    };
    // A timer that only frees memory must not keep a process alive.
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
