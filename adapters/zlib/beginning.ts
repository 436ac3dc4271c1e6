/**
 * The beginning of an incomplete message, by which a new zlib stream can take the place of an old one.
 *
 * zlib does not give out its state in the middle of a block. But the same bytes behind the same window lead to the same state. So
 * a stream can be freed while a peer stops in the middle of a message, and only those bytes are kept. Their number is bounded,
 * and so is the work of decompressing them again. A message that is larger, or was restored often, keeps its stream, whose memory
 * is then in proportion to the bytes that the peer has sent.
 *
 * @module
 */

import { copyOf } from "../../src/bytes.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { History } from "../../src/flate/history.ts";

/** Bytes of payload that are kept and decompressed again, at most. */
export const mostToGoThrough: number = 8 * 1024;

/** Bytes of output that cost about as much as a byte of payload. */
const outputFactor = 8;

/** Buffers for the next beginnings: most messages that come in pieces are done before many others have begun. */
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

/** The payload of a message since the kept window, and its decompressed output. */
export class Beginning {
  #payload: BoundedBuffer = borrow();
  /** The output; undefined while at rest, since decompressing the payload gives it again. */
  #made: BoundedBuffer | undefined = borrow();
  /** The work of decompressing, the first time and later, in bytes of output. */
  #work = 0;

  /** The payload to decompress again: `bytes[0, size)`. */
  get payload(): { readonly bytes: Uint8Array; readonly size: number } {
    return this.#payload;
  }

  /** Whether the message is too large, or was restored too often, to go on keeping it. */
  get isTooMuch(): boolean {
    return this.#work > outputFactor * mostToGoThrough;
  }

  /** Adds a copy of `bytes[start, end)` of the payload. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#payload.add(bytes, start, end);
    this.#work += outputFactor * (end - start);
  }

  /** Adds a copy of `bytes[start, end)` of the output. */
  addMade(bytes: Uint8Array, start: number, end: number): void {
    this.#made ??= borrow();
    this.#made.add(bytes, start, end);
    this.#work += end - start;
  }

  /** Keeps only the payload, in an array of its size. */
  rest(): void {
    // It is at rest already.
    if (this.#made === undefined) return;
    const { bytes, size } = this.#payload;
    const kept = new BoundedBuffer(Infinity, copyOf(bytes, 0, size));
    kept.size = size;
    this.free();
    this.#payload = kept;
    this.#made = undefined;
  }

  /** Counts that the payload will be decompressed again. */
  goThroughAgain(): void {
    this.#work += outputFactor * this.#payload.size;
  }

  /** Moves the output into the window, and begins again behind it. */
  moveTo(window: History): void {
    if (this.#made !== undefined) {
      window.add(this.#made.bytes, 0, this.#made.size);
      this.#made.clear();
    }
    this.#payload.clear();
  }

  /** Gives the buffers back. No other call follows. */
  free(): void {
    giveBack(this.#payload);
    if (this.#made !== undefined) giveBack(this.#made);
  }
}
