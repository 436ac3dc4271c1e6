/**
 * A copy of an LZ77 window: the last bytes that went through a compressor or decompressor.
 *
 * @module
 */

import { copy, noBytes } from "../bytes.ts";

const smallest = 256;

/** Bytes of the header of a stored block. */
export const storedHeaderSize = 5;

/** Keeps the last bytes of everything that is added, in a buffer that grows up to the window's size. */
export class History {
  readonly #most: number;
  /** In order, up to {@link size}, until it is full; then a ring that begins at `#start`. */
  #bytes: Uint8Array = noBytes;
  #size = 0;
  #start = 0;

  /** @param most Bytes of the window. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes that are kept. */
  get size(): number {
    return this.#size;
  }

  /** Adds a copy of `source[start, end)`. */
  add(source: Uint8Array, start: number, end: number): void {
    const most = this.#most;
    let from = end - start > most ? end - most : start;
    const free = Math.min(most - this.#size, end - from);
    this.#append(source, from, from + free);
    from += free;
    while (from < end) {
      const count = Math.min(end - from, most - this.#start);
      copy(this.#bytes, this.#start, source, from, from + count);
      this.#start = (this.#start + count) % most;
      from += count;
    }
  }

  #append(source: Uint8Array, from: number, to: number): void {
    const size = this.#size + to - from;
    if (size > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(this.#most, Math.max(2 * size, smallest)));
      copy(grown, 0, this.#bytes, 0, this.#size);
      this.#bytes = grown;
    }
    copy(this.#bytes, this.#size, source, from, to);
    this.#size = size;
  }

  /** Gives the bytes in their order, as a new array. */
  bytes(): Uint8Array {
    const ordered = new Uint8Array(this.#size);
    this.#writeTo(ordered, 0);
    return ordered;
  }

  /**
   * Writes the bytes as a stored DEFLATE block, not the last one (RFC 1951, 3.2.4). A decompressor that reads the block has the
   * window.
   *
   * @param block Has room for {@link storedHeaderSize} bytes more than are kept; at most 65 535 are kept.
   * @returns Bytes written.
   */
  writeBlock(block: Uint8Array): number {
    const size = this.#size;
    block[0] = 0;
    block[1] = size;
    block[2] = size >> 8;
    block[3] = ~size;
    block[4] = ~size >> 8;
    this.#writeTo(block, storedHeaderSize);
    return storedHeaderSize + size;
  }

  #writeTo(target: Uint8Array, at: number): void {
    copy(target, at, this.#bytes, this.#start, this.#size);
    copy(target, at + this.#size - this.#start, this.#bytes, 0, this.#start);
  }

  /** Forgets all bytes. */
  clear(): void {
    this.#size = 0;
    this.#start = 0;
  }
}
