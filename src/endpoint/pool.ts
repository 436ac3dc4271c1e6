/**
 * Buffers that are lent out and come back, so that sending allocates nothing.
 *
 * @module
 */

/** Buffers of one size. */
interface Shelf {
  readonly size: number;
  /** How many wait for their next use at the most. */
  readonly most: number;
  readonly buffers: Uint8Array[];
}

// A message often has a power of two of bytes, and its header goes in front of it.
const headerRoom = 16;

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
  for (let i = 0; i < shelves.length; i++) {
    const shelf = shelves[i];
    if (size <= shelf.size) return shelf.buffers.pop() ?? new Uint8Array(shelf.size);
  }
  return new Uint8Array(size);
}

/** Takes a buffer back; nobody may hold on to it. */
export function returnBuffer(buffer: Uint8Array): void {
  for (let i = 0; i < shelves.length; i++) {
    const shelf = shelves[i];
    if (buffer.length === shelf.size) {
      if (shelf.buffers.length < shelf.most) shelf.buffers.push(buffer);
      return;
    }
  }
}
