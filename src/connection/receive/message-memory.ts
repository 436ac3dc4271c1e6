/**
 * Messages in memory that their handlers may keep.
 *
 * @module
 */

import { copy, copyOf, noBytes, viewOf } from "../../bytes.ts";

/** Bytes from which a message gets a buffer to itself: there the copy costs more than the buffer. */
const largeMessage = 8 * 1024;

/** Bytes that may lie beside a message in its buffer: an application that keeps one byte keeps at most these with it. */
const mostBeside = 32 * 1024;

// Messages lie at multiples of 8, so that an application may read one as an array of numbers. Offset 0 is never used: code that
// wrongly reads `data.buffer` in place of `data` then fails at its first message, and not only under load.
const alignment = 8;

/**
 * Gives the messages of one chunk memory of their own: where the chunk has such, they stay where they lie; else they are
 * copied, small ones into one buffer that they share.
 *
 * Small messages share a buffer because a buffer is dear: 0.5 to 2 us where it lies outside of the engine's heap, and a view on
 * it 0.07 us (bench/micro/copies.mjs). Messages of different chunks, and so of different peers, never share one: an application
 * that keeps a message keeps at most its chunk, and one that passes a message's buffer on passes on no other peer's bytes.
 */
export class MessageMemory {
  readonly #ownBufferSize: number;
  #shared: Uint8Array<ArrayBuffer> = noBytes;
  // Its buffer, which costs V8 as much as a view to ask for.
  #sharedBuffer: ArrayBuffer = noBytes.buffer;
  #at = 0;
  // A chunk whose memory the messages may have, and how many of its bytes earlier messages have got.
  #ownChunk: Uint8Array | undefined;
  #given = 0;

  /** @param ownBufferSize Bytes up to which a message gets a buffer to itself: where the engine's heap has those. */
  constructor(ownBufferSize: number) {
    this.#ownBufferSize = ownBufferSize;
  }

  /** A chunk comes that lies in memory of its own: what of it is asked for may stay there. */
  begin(ownChunk: Uint8Array): void {
    this.#ownChunk = ownChunk;
    this.#given = 0;
  }

  /**
   * Gives `bytes[start, end)`, a message of the chunk `bytes`, as the caller's; its buffer may be shared. In a chunk that lies
   * in memory of its own it may be moved towards the start, over its header.
   */
  take(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const size = end - start;
    if (size <= this.#ownBufferSize) return copyOf(bytes, start, end);
    const isLarge = size >= largeMessage;
    if (bytes === this.#ownChunk && bytes.buffer.byteLength - size <= mostBeside) {
      const isAlone = this.#given === 0 && end === bytes.length;
      const at = start - ((bytes.byteOffset + start) % alignment);
      if (at >= this.#given && (isAlone || !isLarge)) {
        if (at < start) bytes.copyWithin(at, start, end);
        this.#given = at + size;
        return viewOf(bytes, at, at + size);
      }
    }
    return isLarge ? copyOf(bytes, start, end) : this.#share(bytes, start, end);
  }

  /** The chunk is done: what follows shares nothing with it, and nothing of it is kept here. */
  end(): void {
    this.#shared = noBytes;
    this.#sharedBuffer = noBytes.buffer;
    this.#at = 0;
    this.#ownChunk = undefined;
  }

  #share(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const size = end - start;
    if (this.#at + size > this.#shared.length) {
      // Room for all that can follow in this chunk; a lone message fills it.
      this.#shared = new Uint8Array(alignment + Math.min(bytes.length - start, mostBeside));
      this.#sharedBuffer = this.#shared.buffer;
      this.#at = alignment;
    }
    const at = this.#at;
    copy(this.#shared, at, bytes, start, end);
    this.#at = (at + size + alignment - 1) & -alignment;
    return new Uint8Array(this.#sharedBuffer, at, size);
  }
}
