import { ProtocolError } from "../../src/errors.ts";
import type { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { Context, Deflater, Engine, Inflater } from "../../src/flate/engine.ts";

/** How a {@link StoreEngine} behaves. */
export interface StoreOptions {
  /** Bytes of a piece that are done in one turn, the rest in later ones. Default: all. */
  readonly slice?: number;
}

/** The most that one stored block holds; RFC 1951 would allow 65 535. */
const mostStored = 7;

/**
 * An engine that stores (RFC 1951, 3.2.4) and reads what is stored: small, and the same on every runtime.
 *
 * It writes down what is done to its contexts, and throws where one is used as it must not be.
 */
export class StoreEngine implements Engine {
  /** What was made, reset and closed: "deflater 15 6 8", "inflater 15", "reset 1", "close 1". */
  readonly lines: string[] = [];
  readonly #slice: number;
  #count = 0;

  constructor({ slice = Infinity }: StoreOptions = {}) {
    this.#slice = slice;
  }

  /** Contexts that were made and not closed. */
  get open(): number {
    return this.#count - this.lines.filter((line) => line.startsWith("close")).length;
  }

  newDeflater(settings: { windowBits: number; level: number; memLevel: number }): Deflater {
    const { windowBits, level, memLevel } = settings;
    this.lines.push(`deflater ${windowBits} ${level} ${memLevel}`);
    return new StoreDeflater(++this.#count, this.lines, this.#slice);
  }

  newInflater({ windowBits }: { windowBits: number }): Inflater {
    this.lines.push(`inflater ${windowBits}`);
    return new StoreInflater(++this.#count, this.lines, this.#slice);
  }
}

/** Slices, and the rules of a context. */
abstract class StoreContext implements Context {
  readonly memory = 0;
  readonly #name: number;
  readonly #lines: string[];
  readonly #slice: number;
  #rest: Uint8Array | undefined;
  #isLast = false;
  #isReady = false;
  #isClosed = false;
  #hasFailed = false;

  constructor(name: number, lines: string[], slice: number) {
    this.#name = name;
    this.#lines = lines;
    this.#slice = slice;
  }

  goOn(into: BoundedBuffer): boolean {
    const rest = this.#rest;
    if (rest === undefined || !this.#isReady) throw new Error("goOn() without whenReady()");
    return this.#work(rest, 0, rest.length, this.#isLast, into);
  }

  whenReady(task: () => void): void {
    this.#check();
    if (this.#rest === undefined) throw new Error("whenReady() with nothing left");
    queueMicrotask(() => {
      // As with any engine, nothing is called once it was reset or closed.
      if (this.#rest === undefined) return;
      this.#isReady = true;
      task();
    });
  }

  reset(): void {
    this.#check();
    this.#lines.push(`reset ${this.#name}`);
    this.#rest = undefined;
    this.begin();
  }

  rest(): void {}

  close(): void {
    if (this.#isClosed) throw new Error("close() called twice");
    this.#isClosed = true;
    this.#rest = undefined;
    this.#lines.push(`close ${this.#name}`);
  }

  protected take(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean {
    if (this.#rest !== undefined) throw new Error("called while slices are left");
    return this.#work(bytes, start, end, isLast, into);
  }

  #work(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean {
    this.#check();
    const stop = Math.min(end, start + this.#slice);
    this.#isReady = false;
    this.#rest = stop < end ? bytes.slice(stop, end) : undefined;
    this.#isLast = isLast;
    this.#hasFailed = true;
    this.work(bytes, start, stop, isLast && stop === end, into);
    this.#hasFailed = false;
    return stop === end;
  }

  #check(): void {
    if (this.#isClosed) throw new Error("called after close()");
    if (this.#hasFailed) throw new Error("called after an error");
  }

  /** Begins a message. */
  protected abstract begin(): void;

  protected abstract work(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): void;
}

/** Holds back what is no full block yet, as zlib does: how a message is cut makes no difference. */
class StoreDeflater extends StoreContext implements Deflater {
  #held: number[] = [];

  deflate(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean {
    return this.take(bytes, start, end, isLast, into);
  }

  protected begin(): void {
    this.#held = [];
  }

  protected work(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): void {
    for (let at = start; at < end; at++) {
      this.#held.push(bytes[at]!);
      if (this.#held.length === mostStored) this.#store(into);
    }
    if (!isLast) return;
    if (this.#held.length > 0) this.#store(into);
    into.add(Uint8Array.of(0), 0, 1);
  }

  #store(into: BoundedBuffer): void {
    const { length } = this.#held;
    into.add(Uint8Array.of(0, length, 0, ~length, 0xff, ...this.#held), 0, 5 + length);
    this.#held = [];
  }
}

class StoreInflater extends StoreContext implements Inflater {
  /** Bytes of the head of the block under way that have come. */
  #head: number[] = [];
  /** Bytes of the block that are to come. */
  #left = 0;
  #isEmpty = true;

  inflate(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean {
    return this.take(bytes, start, end, isLast, into);
  }

  protected begin(): void {
    this.#head = [];
    this.#left = 0;
    this.#isEmpty = true;
  }

  protected work(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): void {
    let at = start;
    while (at < end) {
      this.#isEmpty = false;
      if (this.#left === 0) {
        this.#takeHead(bytes[at++]!);
        continue;
      }
      const stop = Math.min(end, at + this.#left);
      into.add(bytes, at, stop);
      this.#left -= stop - at;
      at = stop;
    }
    if (!isLast) return;
    // The four bytes that were taken off are the length of an empty block.
    if (!this.#isEmpty && (this.#left > 0 || this.#head.length !== 1)) throw invalid();
    this.begin();
  }

  #takeHead(byte: number): void {
    this.#head.push(byte);
    const [first, low = 0, high = 0, lowTwin, highTwin] = this.#head;
    if (first !== 0) throw invalid();
    if (highTwin === undefined) return;
    if ((low ^ lowTwin!) !== 0xff || (high ^ highTwin) !== 0xff) throw invalid();
    this.#left = low + 256 * high;
    this.#head = [];
  }
}

function invalid(): ProtocolError {
  return new ProtocolError("INVALID_DEFLATE");
}
