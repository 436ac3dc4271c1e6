/**
 * What both ways of using zlib have in common: the end of a payload, the window that zlib has not, memory.
 *
 * @module
 */

import type { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { DeflaterSettings } from "../../src/flate/engine.ts";
import { windowSize } from "../../src/flate/parameters.ts";

/**
 * zlib compresses with a window of 9 bits at the least. A window of 8 is served by it all the same, and exactly: pieces
 * of 256 bytes, none of which refers to what is in front of it.
 */
export const smallWindow = { bits: 9, piece: 256 } as const;

/**
 * Bytes that a compressor takes: window and chains, what is gathered of a block, the table of hashes and zlib's own state.
 *
 * zlib.h knows a smaller table for a smaller memory level; those of the runtimes have one of 64 (Node) or 128 KiB (Deno and
 * Bun) whatever the level: `bench/flate-memory.mjs` measures it.
 */
export function deflaterMemory({ windowBits, memLevel }: DeflaterSettings): number {
  return 2 ** (Math.max(windowBits, smallWindow.bits) + 2) + 2 ** (memLevel + 8) + 140 * 1024;
}

/** Bytes that a decompressor takes: the window, the copy of it, and zlib's own state, which is largest on Bun. */
export function inflaterMemory(windowBits: number): number {
  return 2 * windowSize(windowBits) + 24 * 1024;
}

/**
 * Goes past empty blocks behind a last block (BFINAL): each begins at a byte, and they leave the window as it is, so that
 * no stream has to be begun for them.
 *
 * @param start Behind such a block.
 * @returns Index of the first byte that is no such block's, or is of one that is not complete.
 */
export function behindEmptyBlocks(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (;;) {
    const size = emptyBlockSize(bytes, at, end);
    if (size === 0) return at;
    at += size;
  }
}

/** Gives the bytes of an empty block that ends between bytes, 0 where there is none (RFC 1951, 3.2.3 to 3.2.6). */
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
 * Ends a payload: takes off the four bytes that the receiver puts on again (RFC 7692, 7.2.1).
 *
 * @param isFlushed Whether the last bytes are those of a flush; if not, nothing was left to flush, and one byte is the
 * beginning of an empty block (7.2.3.6).
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
