/**
 * Joins two transforms into one.
 *
 * @module
 */

import type { Transform } from "./extension.ts";
import { BoundedBuffer } from "./bounded-buffer.ts";

/** Passes the output of `first` to `second`. */
export class Pipeline implements Transform {
  readonly #first: Transform;
  readonly #second: Transform;
  readonly #between: BoundedBuffer = new BoundedBuffer();
  #isFirstDone = true;
  #isSecondDone = true;
  #isLast = false;

  constructor(first: Transform, second: Transform) {
    this.#first = first;
    this.#second = second;
  }

  write(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean {
    // The limit of the final output also limits the buffer between the two.
    this.#between.reset(into.limit);
    this.#isLast = isLast;
    this.#isFirstDone = this.#first.write(bytes, start, end, isLast, this.#between);
    return this.#pass(into);
  }

  goOn(into: BoundedBuffer): boolean {
    if (!this.#isSecondDone) {
      this.#isSecondDone = this.#second.goOn(into);
      return this.#isSecondDone && this.#isFirstDone;
    }
    this.#isFirstDone = this.#first.goOn(this.#between);
    return this.#pass(into);
  }

  whenReady(task: () => void): void {
    (this.#isSecondDone ? this.#first : this.#second).whenReady(task);
  }

  #pass(into: BoundedBuffer): boolean {
    const { bytes, size } = this.#between;
    const isLast = this.#isLast && this.#isFirstDone;
    this.#between.reset(into.limit);
    this.#isSecondDone = this.#second.write(bytes, 0, size, isLast, into);
    return this.#isSecondDone && this.#isFirstDone;
  }
}
