/**
 * Buffers that are lent and returned, so that sending allocates nothing.
 *
 * @module
 */

import { BoundedBuffer } from "../extension/bounded-buffer.ts";

/** Buffers of one size. */
interface Shelf {
  readonly size: number;
  /** Buffers kept for their next use, at most. */
  readonly most: number;
  readonly buffers: Uint8Array[];
}

// The length of a message is often a power of two. Its header goes in front of it, and write-buffer.ts leaves up to 31 bytes out.
const headerRoom = 64;

/** Smallest first, because unsent bytes of a slow peer keep a whole buffer. Up to 4 MiB of each size are kept. */
const shelves: readonly Shelf[] = [
  { size: 1024, most: 64, buffers: [] },
  { size: 4 * 1024, most: 64, buffers: [] },
  { size: 16 * 1024 + headerRoom, most: 64, buffers: [] },
  { size: 64 * 1024 + headerRoom, most: 64, buffers: [] },
  { size: 256 * 1024 + headerRoom, most: 16, buffers: [] },
  { size: 1024 * 1024 + headerRoom, most: 4, buffers: [] },
];

/** Bytes up to which frames are gathered for one write. Above it, another write costs less than another copy. */
export const largestGathered: number = 64 * 1024 + headerRoom;

/** Lends a buffer of at least `size` bytes; one that is larger than the largest kept size is made exactly. */
export function borrowBuffer(size: number): Uint8Array {
  for (const shelf of shelves) {
    if (size <= shelf.size) return shelf.buffers.pop() ?? new Uint8Array(shelf.size);
  }
  return new Uint8Array(size);
}

/** Takes a buffer back; its borrower must not use it any more. */
export function returnBuffer(buffer: Uint8Array): void {
  for (const shelf of shelves) {
    if (buffer.length === shelf.size && shelf.buffers.length < shelf.most) {
      shelf.buffers.push(buffer);
    }
  }
}

/** Bytes that a growing buffer, for the output of extensions, has at least; a larger one is not kept. */
const growingSize = 64 * 1024;

/** Growing buffers kept, at most. As a rule one message is on its way in, and one on its way out. */
const mostGrowing = 4;

const growings: BoundedBuffer[] = [];

/** Lends an empty buffer that grows. */
export function borrowBoundedBuffer(limit: number): BoundedBuffer {
  const growing = growings.pop() ?? new BoundedBuffer(limit, new Uint8Array(growingSize));
  growing.reset(limit);
  return growing;
}

/** Says whether a buffer is still of the size at which it is taken back. */
export function isReturnable(growing: BoundedBuffer): boolean {
  return growing.bytes.length === growingSize;
}

/** Takes a growing buffer back; its borrower must not use it any more. */
export function returnBoundedBuffer(growing: BoundedBuffer): void {
  if (isReturnable(growing) && growings.length < mostGrowing) growings.push(growing);
}
