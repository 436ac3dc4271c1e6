/**
 * A copy of an LZ77 window: the last bytes that went through a compressor or decompressor.
 *
 * @module
 */

import { copy, noBytes } from "../bytes.ts";

const smallest = 256;

/** Keeps the last bytes of all that is added, in a buffer that grows with them up to the window's size. */
export class History {
  readonly #most: number;
  /** In order up to {@link size} until it is full; then a ring that begins at `#start`. */
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
    const behind = this.#size - this.#start;
    copy(ordered, 0, this.#bytes, this.#start, this.#size);
    copy(ordered, behind, this.#bytes, 0, this.#start);
    return ordered;
  }

  /** Forgets all. */
  clear(): void {
    this.#size = 0;
    this.#start = 0;
  }
}

/**
 * Writes bytes as a stored DEFLATE block, not the last one (RFC 1951, 3.2.4): what brings a window to a decompressor.
 *
 * @param bytes At most 65 535.
 */
export function storedBlock(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  const block = new Uint8Array(5 + length);
  block[1] = length;
  block[2] = length >> 8;
  block[3] = ~length;
  block[4] = ~length >> 8;
  block.set(bytes, 5);
  return block;
}
