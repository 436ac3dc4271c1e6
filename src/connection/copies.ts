/**
 * Copies of messages for those who keep them.
 *
 * @module
 */

import { copy, noBytes } from "../bytes.ts";

/** Bytes from which a message gets a buffer to itself: there the copy costs more than the buffer. */
const largeMessage = 8 * 1024;

// Never at 0: who takes `data.buffer` for `data` sees so at the first message, and not first under load. A multiple of 8,
// so that a view of numbers may be laid on any message.
const alignment = 8;

/**
 * Copies the messages of one chunk, small ones into one buffer that they share.
 *
 * Outside of an engine's own heap a buffer costs more than all else that is done with a small message: 0.5 to 2 us, and a
 * view 0.07, bench/micro/copies.mjs. Messages of different chunks, and so of different peers, share nothing: who keeps one
 * keeps at most its chunk, and who passes on its buffer passes on nobody else's.
 */
export class ChunkCopies {
  readonly #ownBufferSize: number;
  #shared: Uint8Array = noBytes;
  #at = 0;

  /** @param ownBufferSize Bytes up to which a message gets a buffer to itself: where the engine's heap has those. */
  constructor(ownBufferSize: number) {
    this.#ownBufferSize = ownBufferSize;
  }

  /** Copies `bytes[start, end)`, a message of the chunk `bytes`; the copy is the caller's, its buffer may be shared. */
  copy(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const size = end - start;
    if (size <= this.#ownBufferSize || size >= largeMessage) return bytes.slice(start, end);
    if (this.#at + size > this.#shared.length) {
      // Room for all that can follow in this chunk; a lone message fills it.
      this.#shared = new Uint8Array(alignment + bytes.length - start);
      this.#at = alignment;
    }
    const at = this.#at;
    copy(this.#shared, at, bytes, start, end);
    this.#at = (at + size + alignment - 1) & -alignment;
    return this.#shared.subarray(at, at + size);
  }

  /** The chunk is done: what follows shares nothing with it, and nothing of it is kept here. */
  end(): void {
    this.#shared = noBytes;
    this.#at = 0;
  }
}
