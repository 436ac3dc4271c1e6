/**
 * Pieces of what a write buffer has gathered: buffers with whole frames in them, and who is told of which bytes.
 *
 * A frame that is sent to many is a piece by itself, which all their write buffers share: while it waits it costs each of them no
 * memory of its own. Pieces are copied together when a write is made of them, so that a receiver that was slow gets few large
 * writes.
 *
 * @module
 */

import { copy } from "../bytes.ts";
import type { Fifo } from "../fifo.ts";
import { borrowBuffer, largestGathered, returnBuffer } from "./pool.ts";

/** Is told what becomes of bytes that were gathered: one of the two, once. */
export interface TakenListener {
  /** They were given back, to be written. */
  onTaken(): void;
  /** They were dropped, or their write was given up. */
  onLost(): void;
}

/** Where the bytes end that somebody is told of. */
export interface Mark {
  readonly end: number;
  readonly listener: TakenListener;
}

/** A buffer and what of it is filled. */
export interface Piece {
  readonly buffer: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** Whether the pool gets it back. */
  readonly isPooled: boolean;
  /** In the order of their ends; undefined where nobody is told of anything, as a rule. */
  marks: Mark[] | undefined;
}

/** Bytes of frames in a piece. */
export function sizeOf(piece: Piece): number {
  return piece.end - piece.start;
}

/** Gives the piece that was added last. */
export function lastOf(pieces: Fifo<Piece> | undefined): Piece | undefined {
  return pieces && [...pieces].at(-1);
}

/** Tells those whose bytes end at `end` or before, and takes them out. */
export function tellTaken(marks: Mark[], end: number): void {
  while (marks.length > 0 && marks[0].end <= end) marks.shift()!.listener.onTaken();
}

/** Tells those whose bytes end behind `end`, and takes them out. They lie in the order of their ends. */
export function tellLost(marks: Mark[], end: number): void {
  const kept = marks.filter((mark) => mark.end <= end).length;
  for (const { listener } of marks.splice(kept)) listener.onLost();
}

/** Gives marks in bytes that have moved towards the start by so many; with a negative number, towards the end. */
export function moved(marks: readonly Mark[], by: number): Mark[] {
  return marks.map(({ end, listener }) => ({ end: end - by, listener }));
}

/** Copies pieces together, which one buffer of the pool has room for; those that are the pool's go back to it. */
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
