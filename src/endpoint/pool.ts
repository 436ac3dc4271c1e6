/**
 * Buffers that are lent out and come back, so that sending allocates nothing.
 *
 * @module
 */

import { BoundedBuffer } from "../extension/bounded-buffer.ts";

/** Buffers of one size. */
interface Shelf {
  readonly size: number;
  /** How many wait for their next use at the most. */
  readonly most: number;
  readonly buffers: Uint8Array[];
}

// A message often has a power of two of bytes; its header goes in front of it, and write-buffer.ts leaves up to 31 bytes out.
const headerRoom = 64;

/** Smallest first: what a slow peer leaves unsent pins a whole buffer. Up to 4 MiB of each size are kept. */
const shelves: readonly Shelf[] = [
  { size: 1024, most: 64, buffers: [] },
  { size: 4 * 1024, most: 64, buffers: [] },
  { size: 16 * 1024 + headerRoom, most: 64, buffers: [] },
  { size: 64 * 1024 + headerRoom, most: 64, buffers: [] },
  { size: 256 * 1024 + headerRoom, most: 16, buffers: [] },
  { size: 1024 * 1024 + headerRoom, most: 4, buffers: [] },
];

/** Bytes up to which frames are gathered for one write; above it, another write costs less than another copy. */
export const largestGathered: number = 64 * 1024 + headerRoom;

/** Lends a buffer of at least `size` bytes; larger ones than the largest kept are made exactly. */
export function borrowBuffer(size: number): Uint8Array {
  for (const shelf of shelves) {
    if (size <= shelf.size) return shelf.buffers.pop() ?? new Uint8Array(shelf.size);
  }
  return new Uint8Array(size);
}

/** Takes a buffer back; nobody may hold on to it. */
export function returnBuffer(buffer: Uint8Array): void {
  for (const shelf of shelves) {
    if (buffer.length === shelf.size && shelf.buffers.length < shelf.most) {
      shelf.buffers.push(buffer);
    }
  }
}

/** Bytes that a buffer for what extensions make has at the least, and that one may have to be kept. */
const growingSize = 64 * 1024;

/** One is on its way in at a time, as a rule, and one on its way out. */
const mostGrowing = 4;

const growings: BoundedBuffer[] = [];

/** Lends a buffer that grows, empty. */
export function borrowBoundedBuffer(limit: number): BoundedBuffer {
  const growing = growings.pop() ?? new BoundedBuffer(limit, new Uint8Array(growingSize));
  growing.reset(limit);
  return growing;
}

/** Tells whether a buffer has kept to the size at which it is taken back. */
export function isReturnable(growing: BoundedBuffer): boolean {
  return growing.bytes.length === growingSize;
}

/** Takes a buffer back; nobody may hold on to it. */
export function returnBoundedBuffer(growing: BoundedBuffer): void {
  if (isReturnable(growing) && growings.length < mostGrowing) growings.push(growing);
}
