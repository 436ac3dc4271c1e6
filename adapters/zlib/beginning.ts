/**
 * The beginning of a message whose end has not come: what brings a new stream to where an old one was.
 *
 * zlib's state in the middle of a block cannot be had from it. But the same bytes behind the same window lead to the same
 * state; so a stream can be freed while a peer lets a message stand, and what is kept are those bytes. What is kept is
 * bounded, and so is the work of going through it again: a message that is larger, or was brought back often, keeps its
 * stream, whose memory is in proportion then to what the peer has sent.
 *
 * @module
 */

import { copyOf } from "../../src/bytes.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { History } from "../../src/flate/history.ts";

/** Bytes of payload that are kept, and gone through again, at the most. */
export const mostToGoThrough: number = 8 * 1024;

/** Bytes of output that cost about as much as a byte of payload. */
const outputFactor = 8;

/** Buffers for the next one: most messages that come in pieces are done before many others have begun. */
const spares: BoundedBuffer[] = [];
const mostSpares = 8;
const mostOfSpare = 64 * 1024;

function borrow(): BoundedBuffer {
  return spares.pop() ?? new BoundedBuffer();
}

function giveBack(buffer: BoundedBuffer): void {
  if (spares.length === mostSpares || buffer.bytes.length > mostOfSpare) return;
  buffer.clear();
  spares.push(buffer);
}

/** Payload of a message since a window beside it was as it is, and what has come of that payload. */
export class Beginning {
  #payload: BoundedBuffer = borrow();
  /** What it has become; undefined at rest, as it comes again when the payload is gone through. */
  #made: BoundedBuffer | undefined = borrow();
  /** What went through, the first time and again, in bytes of output. */
  #work = 0;

  /** What is to be gone through again: `bytes[0, size)`. */
  get payload(): { readonly bytes: Uint8Array; readonly size: number } {
    return this.#payload;
  }

  /** Whether it is no longer worth keeping. */
  get isTooMuch(): boolean {
    return this.#work > outputFactor * mostToGoThrough;
  }

  /** Adds a copy of `bytes[start, end)` of the payload. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#payload.add(bytes, start, end);
    this.#work += outputFactor * (end - start);
  }

  /** Adds a copy of `bytes[start, end)`, which have come of the payload. */
  addMade(bytes: Uint8Array, start: number, end: number): void {
    this.#made ??= borrow();
    this.#made.add(bytes, start, end);
    this.#work += end - start;
  }

  /** Keeps the payload alone, in an array that is no larger. */
  rest(): void {
    // At rest already.
    if (this.#made === undefined) return;
    const { bytes, size } = this.#payload;
    const kept = new BoundedBuffer(Infinity, copyOf(bytes, 0, size));
    kept.size = size;
    this.free();
    this.#payload = kept;
    this.#made = undefined;
  }

  /** The payload is about to be gone through again. */
  goThroughAgain(): void {
    this.#work += outputFactor * this.#payload.size;
  }

  /** Brings the window up to date; what is kept begins anew. */
  moveTo(window: History): void {
    if (this.#made !== undefined) {
      window.add(this.#made.bytes, 0, this.#made.size);
      this.#made.clear();
    }
    this.#payload.clear();
  }

  /** Lets the buffers go; nothing else is called afterwards. */
  free(): void {
    giveBack(this.#payload);
    if (this.#made !== undefined) giveBack(this.#made);
  }
}
