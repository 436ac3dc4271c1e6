/**
 * The common part of both ways of using zlib: the end of a payload, the window of 8 bits, which zlib does not have, and memory.
 *
 * @module
 */

import type { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { DeflaterSettings } from "../../src/flate/engine.ts";
import { windowSize } from "../../src/flate/parameters.ts";

/**
 * zlib compresses with a window of at least 9 bits. For a window of 8 bits it works on pieces of 256 bytes, each of which refers
 * to nothing before it: so no distance is longer than 256.
 */
export const smallWindow = { bits: 9, piece: 256 } as const;

/**
 * Gives the bytes that a compressor allocates: window and chains, the block that it gathers, the hash table and zlib's own state.
 *
 * By zlib.h the hash table is smaller for a smaller memory level. The tables of the runtimes have 64 KiB (Node) or 128 KiB (Deno
 * and Bun) for every level: `bench/flate-memory.mjs` measures it.
 */
export function deflaterMemory({ windowBits, memLevel }: DeflaterSettings): number {
  return 2 ** (Math.max(windowBits, smallWindow.bits) + 2) + 2 ** (memLevel + 8) + 140 * 1024;
}

/** Gives the bytes that a decompressor allocates: the window, its copy, and zlib's own state, which is largest on Bun. */
export function inflaterMemory(windowBits: number): number {
  return 2 * windowSize(windowBits) + 24 * 1024;
}

/**
 * Skips empty blocks behind a last block (BFINAL). Each begins at a byte boundary, and they do not change the window, so that
 * they need no new stream.
 *
 * @param start Index behind the last block.
 * @returns Index of the first byte that is not part of a whole empty block.
 */
export function behindEmptyBlocks(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (;;) {
    const size = emptyBlockSize(bytes, at, end);
    if (size === 0) return at;
    at += size;
  }
}

/** Gives the size of an empty block that ends at a byte boundary; 0 if there is none (RFC 1951, 3.2.3 to 3.2.6). */
function emptyBlockSize(bytes: Uint8Array, at: number, end: number): number {
  // A block of fixed codes: BFINAL 1, BTYPE 01, seven bits 0 that end it, and six bits of any value.
  if (end - at >= 2 && bytes[at] === 3 && (bytes[at + 1]! & 3) === 0) return 2;
  // A stored block: BTYPE 00, five bits of any value, a length of 0 and its complement.
  const isStored =
    end - at >= 5 &&
    (bytes[at]! & 6) === 0 &&
    bytes[at + 1] === 0 &&
    bytes[at + 2] === 0 &&
    bytes[at + 3] === 0xff &&
    bytes[at + 4] === 0xff;
  return isStored ? 5 : 0;
}

/**
 * Ends a payload: removes the last four bytes, which the receiver appends again (RFC 7692, 7.2.1).
 *
 * @param isFlushed Whether the last bytes are those of a flush. If not, there was nothing left to flush, and one byte is added:
 * the beginning of an empty block (7.2.3.6).
 */
export function endOf(into: BoundedBuffer, isFlushed: boolean): void {
  const { bytes, size } = into;
  if (!isFlushed) {
    into.room(1);
    into.bytes[size] = 0;
    into.commit(1);
    return;
  }
  if (
    size < 4 ||
    bytes[size - 4] !== 0 ||
    bytes[size - 3] !== 0 ||
    bytes[size - 2] !== 0xff ||
    bytes[size - 1] !== 0xff
  ) {
    throw new Error("zlib has not flushed what it was given");
  }
  into.size = size - 4;
}
