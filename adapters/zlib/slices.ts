/**
 * The rest of a large piece, which is done slice by slice, each in a separate turn of the event loop.
 *
 * @module
 */

import { clearImmediate, setImmediate } from "node:timers";
import { checkSpan } from "../../src/arguments.ts";
import { copyOf, noBytes } from "../../src/bytes.ts";
import type { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { Deflater } from "../../src/flate/engine.ts";

/** The rest of a piece, and the turn in which it goes on. */
export class Slices {
  /** What is left to do: a copy. */
  rest: Uint8Array = noBytes;
  /** Whether it is the last piece of the message. */
  isLast = false;
  #turn: ReturnType<typeof setImmediate> | undefined;

  /** Keeps `bytes[start, end)` for later. */
  keep(bytes: Uint8Array, start: number, end: number, isLast: boolean): void {
    this.rest = copyOf(bytes, start, end);
    this.isLast = isLast;
  }

  /** Calls `task` in a later turn. */
  whenReady(task: () => void): void {
    this.#turn = setImmediate(task);
  }

  /** Drops the rest; the task is not called any more. */
  drop(): void {
    this.rest = noBytes;
    clearImmediate(this.#turn);
  }
}

/** Compresses large pieces slice by slice; subclasses compress a slice. */
export abstract class SlicedDeflater implements Deflater {
  readonly memory: number;
  readonly canRest = true;
  readonly #sliceSize: number;
  readonly #slices = new Slices();

  /** @param sliceSize Bytes that are compressed in one turn. */
  constructor(memory: number, sliceSize: number) {
    this.memory = memory;
    this.#sliceSize = sliceSize;
  }

  deflate(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean {
    // Without this check zlib's own call would end the process.
    checkSpan(bytes, start, end);
    if (end - start <= this.#sliceSize) {
      this.compress(bytes, start, end, isLast, into);
      return true;
    }
    this.#slices.keep(bytes, start, end, isLast);
    return this.goOn(into);
  }

  goOn(into: BoundedBuffer): boolean {
    const { rest, isLast } = this.#slices;
    const end = Math.min(rest.length, this.#sliceSize);
    const isDone = end === rest.length;
    this.compress(rest, 0, end, isLast && isDone, into);
    if (isDone) this.#slices.drop();
    else this.#slices.rest = rest.subarray(end);
    return isDone;
  }

  whenReady(task: () => void): void {
    this.#slices.whenReady(task);
  }

  reset(): void {
    this.#slices.drop();
    this.forget();
  }

  close(): void {
    this.#slices.drop();
    this.free();
  }

  /** Compresses `bytes[start, end)`, which may be empty, and adds the output; with the last piece, the message's end. */
  protected abstract compress(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): void;

  /** Forgets the window, and held output of a message. */
  protected abstract forget(): void;

  abstract rest(): void;

  /** Frees everything. */
  protected abstract free(): void;
}
