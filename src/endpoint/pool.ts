/**
 * Buffers that are lent out and come back, so that sending allocates nothing.
 *
 * @module
 */

/** Sizes of pooled buffers, smallest first. Small ones first: what a slow peer leaves unsent pins a whole buffer. */
const sizes = [1024, 4 * 1024, 16 * 1024, 64 * 1024] as const;

/** Bytes of the largest pooled buffer. */
export const largestPooled: number = sizes[sizes.length - 1];

/** How many buffers of one size wait for their next use: at most 64 x 85 KiB in all. */
const mostKept = 64;

const free: Uint8Array[][] = sizes.map(() => []);

/** Lends a buffer of at least `size` bytes; larger ones than the largest pooled are made exactly. */
export function borrowBuffer(size: number): Uint8Array {
  for (let i = 0; i < sizes.length; i++) {
    if (size <= sizes[i]) return free[i].pop() ?? new Uint8Array(sizes[i]);
  }
  return new Uint8Array(size);
}

/** Takes a buffer back; nobody may hold on to it. */
export function returnBuffer(buffer: Uint8Array): void {
  for (let i = 0; i < sizes.length; i++) {
    if (buffer.length === sizes[i]) {
      if (free[i].length < mostKept) free[i].push(buffer);
      return;
    }
  }
}
