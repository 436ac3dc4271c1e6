/**
 * Pieces of what a write buffer has gathered: each is a buffer with whole frames in it, and knows the listeners of its bytes.
 *
 * A frame that many connections share is a piece by itself, and all their write buffers use the same bytes: a waiting frame costs
 * no connection its own memory. Pieces are copied together into one write, so that a slow receiver gets few large writes.
 *
 * @module
 */

import { copy } from "../bytes.ts";
import type { Fifo } from "../fifo.ts";
import { borrowBuffer, largestGathered, returnBuffer } from "./pool.ts";

/** Hears what happens to gathered bytes: one of the two methods is called, once. */
export interface TakenListener {
  /** The bytes were given back: they have been written. */
  onTaken(): void;
  /** The bytes were dropped, or their write was given up. */
  onLost(): void;
}

/** A listener, and the end of the bytes that concern it. */
export interface Mark {
  readonly end: number;
  readonly listener: TakenListener;
}

/** A buffer, and the part of it that is filled. */
export interface Piece {
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Whether the buffer goes back to the pool. */
  readonly isPooled: boolean;
  /** In the order of their ends; undefined, as a rule, when there is no listener. */
  marks: Mark[] | undefined;
}

/** Gives the number of bytes of frames in a piece. */
export function sizeOf(piece: Piece): number {
  return piece.end - piece.start;
}

/** Gives the piece that was added last. */
export function lastOf(pieces: Fifo<Piece> | undefined): Piece | undefined {
  return pieces && [...pieces].at(-1);
}

/** Tells the listeners whose bytes end at `end` or before, and removes them. */
export function tellTaken(marks: Mark[], end: number): void {
  while (marks.length > 0 && marks[0].end <= end) marks.shift()!.listener.onTaken();
}

/** Tells the listeners whose bytes end behind `end`, and removes them. `marks` is in the order of the ends. */
export function tellLost(marks: Mark[], end: number): void {
  const kept = marks.filter((mark) => mark.end <= end).length;
  for (const { listener } of marks.splice(kept)) listener.onLost();
}

/** Gives the marks for bytes that have moved towards the start by so many; a negative number moves them towards the end. */
export function moved(marks: readonly Mark[], by: number): Mark[] {
  return marks.map(({ end, listener }) => ({ end: end - by, listener }));
}

/** Copies pieces together into one buffer of the pool, which has room for them; their own pooled buffers go back to the pool. */
export function joined(pieces: readonly Piece[]): Piece {
  const buffer = borrowBuffer(largestGathered);
  let end = 0;
  let marks: Mark[] | undefined;
  for (const piece of pieces) {
    copy(buffer, end, piece.buffer, piece.start, piece.end);
    if (piece.marks !== undefined) {
      (marks ??= []).push(...moved(piece.marks, piece.start - end));
    }
    end += sizeOf(piece);
    if (piece.isPooled) returnBuffer(piece.buffer);
  }
  return { buffer, start: 0, end, isPooled: true, marks };
}
