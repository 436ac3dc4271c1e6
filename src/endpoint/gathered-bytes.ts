/**
 * Bytes that are gathered for the next writes, and the write that is under way.
 *
 * Theory of operation. Bytes are added to an active buffer of the pool; a full buffer becomes a piece in a queue. One write at a
 * time is lent, and given back when the transport has taken it. Urgent pieces have a queue of their own, which leaves first. A
 * large frame that many connections share is not copied while it waits: the shared frame itself takes the place of a buffer. Every
 * piece ends with a whole frame, so that nothing goes into the middle of one.
 *
 * @module
 */

import { copy, viewOf } from "../bytes.ts";
import { Fifo } from "../fifo.ts";
import { borrowBuffer, largestGathered, returnBuffer } from "./pool.ts";
import {
  joined,
  lastOf,
  type Mark,
  moved,
  type Piece,
  sizeOf,
  type TakenListener,
  tellLost,
  tellTaken,
} from "./write-piece.ts";

/**
 * Bytes of one write, at most. A larger frame is written in parts, and each part that is taken shows that the peer still reads.
 * With parts of 64 KiB an echo of 1 MiB took a fifth more CPU time on Bun and Deno; with these parts it takes no more than in one
 * write.
 */
export const largestWrite: number = 256 * 1024;

/** Bytes from which a shared frame waits without a copy: one copy for each connection would cost more than one piece for each. */
export const sharedFrom: number = 2 * 1024;

/** The bytes of one connection that wait to be written, in the order in which they leave. */
export class GatheredBytes {
  /** Bytes that wait or are lent. */
  unsent = 0;
  /** The buffer that bytes are added to; undefined while it has none. */
  active: Uint8Array | undefined;
  /**
   * Whether nothing may overtake the bytes in the active buffer. It then leaves before everything else, and urgent pieces come
   * behind it.
   */
  isActiveFirst = false;
  /** The piece that the write under way is taken from, or will go on with. */
  lentPiece: Piece | undefined;
  #activeStart = 0;
  #activeEnd = 0;
  // False if the active buffer is a shared frame. Such a buffer is full: the next frame goes into a buffer of the pool.
  #isActivePooled = true;
  #activeMarks: Mark[] | undefined;
  // Full pieces, oldest first, which leave before the active buffer; undefined until the first one.
  #full: Fifo<Piece> | undefined;
  // Pieces that leave before the full ones; undefined until the first one.
  #urgent: Fifo<Piece> | undefined;
  // Where the write under way begins and ends in its piece.
  #lentStart = 0;
  #lentEnd = 0;

  /** Bytes that the write under way has borrowed; 0 if no write is under way. */
  get lent(): number {
    return this.#lentEnd - this.#lentStart;
  }

  /**
   * Makes room in the active buffer, and gives the index where the room begins. The buffer of a large frame may be larger than
   * one write: no other frame goes behind the frame there.
   *
   * @param lead Bytes to leave unused in front if the room begins a new buffer.
   */
  reserve(size: number, lead = 0): number {
    const { active } = this;
    if (active === undefined) {
      this.#begin(size, lead);
    } else if (Math.min(active.length, largestWrite) - this.#activeEnd < size) {
      this.#replaceActive(active, size, lead);
    }
    return this.#activeEnd;
  }

  /** Adds the first `size` bytes of the reserved room, which hold whole frames. */
  commit(size: number): void {
    this.#activeEnd += size;
    this.unsent += size;
  }

  /**
   * Adds a whole frame that many connections share and nobody changes. A large one waits without a copy, and so does one that
   * nothing waits in front of.
   */
  addShared(frame: Uint8Array): void {
    if (this.active !== undefined && frame.length >= sharedFrom) this.#queueActive();
    if (this.active === undefined) {
      this.active = frame;
      this.#isActivePooled = false;
    } else {
      const at = this.reserve(frame.length);
      copy(this.active, at, frame, 0, frame.length);
    }
    this.commit(frame.length);
  }

  /** Adds a whole frame that leaves in front of what waits, in a buffer of its own. */
  addUrgent(frame: Uint8Array): void {
    this.#urgent ??= new Fifo<Piece>();
    if (this.isActiveFirst) this.#urgent.push(this.#takeActive()!);
    this.#urgent.push({
      buffer: frame,
      start: 0,
      end: frame.length,
      isPooled: false,
      marks: undefined,
    });
    this.unsent += frame.length;
  }

  /** Whether `size` more bytes would leave with the next write, together with everything that was gathered. */
  leavesNext(size: number): boolean {
    return (
      this.lentPiece === undefined &&
      !this.#urgent?.length &&
      !this.#full?.length &&
      !this.#isActiveLargeShared() &&
      this.unsent + size <= largestGathered
    );
  }

  /**
   * Gives the bytes of the write under way, or of the next one. They do not change until {@link giveBack}.
   *
   * @returns undefined when nothing waits.
   */
  lend(): Uint8Array | undefined {
    if (this.lentPiece === undefined) {
      const next = this.#next();
      if (next === undefined) return undefined;
      this.lentPiece = next;
      this.#lentStart = next.start;
    }
    const { buffer, end } = this.lentPiece;
    this.#lentEnd = Math.min(end, this.#lentStart + largestWrite);
    return viewOf(buffer, this.#lentStart, this.#lentEnd);
  }

  /** Says that the lent bytes have been sent. @throws {TypeError} Nothing is lent. */
  giveBack(): void {
    const piece = this.lentPiece;
    if (piece === undefined) throw new TypeError("giveBack() without take()");
    this.unsent -= this.lent;
    this.#lentStart = this.#lentEnd;
    if (this.#lentEnd === piece.end) {
      this.lentPiece = undefined;
      if (piece.isPooled) returnBuffer(piece.buffer);
    }
    if (piece.marks !== undefined) tellTaken(piece.marks, this.#lentEnd);
  }

  /**
   * Tells the listener when everything gathered so far has been given back, or when the last of it was dropped.
   *
   * @param listener Must neither add nor take anything.
   */
  whenTaken(listener: TakenListener): void {
    if (this.active !== undefined) {
      (this.#activeMarks ??= []).push({ end: this.#activeEnd, listener });
      return;
    }
    // Rare: the frame was taken already, or a ping was put behind it.
    const last = lastOf(this.#full) ?? lastOf(this.#urgent) ?? this.lentPiece;
    if (last === undefined) listener.onTaken();
    else (last.marks ??= []).push({ end: last.end, listener });
  }

  /** Drops everything that waits. Lent bytes stay lent; the rest of the same frame is dropped. */
  clear(): void {
    for (const pieces of [this.#urgent, this.#full]) {
      for (const piece of pieces?.takeAll() ?? []) this.#drop(piece);
    }
    const active = this.#takeActive();
    if (active !== undefined) this.#drop(active);
    const lent = this.lentPiece;
    if (lent === undefined || lent.end === this.#lentEnd) return;
    this.unsent -= lent.end - this.#lentEnd;
    const { marks } = lent;
    // This piece does not go back to the pool, since a write from it may be under way.
    this.lentPiece = this.lent === 0 ? undefined : { ...lent, end: this.#lentEnd, isPooled: false };
    if (marks !== undefined) tellLost(marks, this.#lentEnd);
  }

  /** Drops everything, the lent bytes too: they will not be given back. */
  abandon(): void {
    this.clear();
    const lost = this.lentPiece?.marks;
    this.unsent -= this.lent;
    this.lentPiece = undefined;
    this.#lentStart = this.#lentEnd;
    if (lost !== undefined) tellLost(lost, 0);
  }

  /** Gives the piece to write next. It is called between two frames only. */
  #next(): Piece | undefined {
    const urgent = this.#urgent?.shift();
    if (urgent !== undefined) return urgent;
    const piece = this.#full?.shift();
    if (piece === undefined) return this.#takeActive();
    return piece.isPooled ? piece : this.#gather(piece);
  }

  /** Makes one write of a shared frame and of the pieces behind it, as far as there is room. */
  #gather(first: Piece): Piece {
    const pieces = [first];
    let room = largestGathered - sizeOf(first);
    for (;;) {
      const next = this.#nextWithin(room);
      if (next === undefined) return pieces.length === 1 ? first : joined(pieces);
      pieces.push(next);
      room -= sizeOf(next);
    }
  }

  /** Takes the next waiting piece, if it has no more than so many bytes. */
  #nextWithin(room: number): Piece | undefined {
    const next = this.#full?.first;
    if (next !== undefined) return sizeOf(next) <= room ? this.#full!.shift() : undefined;
    return this.#activeEnd - this.#activeStart <= room ? this.#takeActive() : undefined;
  }

  #drop(piece: Piece): void {
    this.unsent -= piece.end - piece.start;
    if (piece.isPooled) returnBuffer(piece.buffer);
    if (piece.marks !== undefined) tellLost(piece.marks, 0);
  }

  #takeActive(): Piece | undefined {
    const buffer = this.active;
    if (buffer === undefined) return undefined;
    const piece: Piece = {
      buffer,
      start: this.#activeStart,
      end: this.#activeEnd,
      isPooled: this.#isActivePooled,
      marks: this.#activeMarks,
    };
    this.active = undefined;
    this.#activeMarks = undefined;
    this.#activeStart = 0;
    this.#activeEnd = 0;
    this.#isActivePooled = true;
    this.isActiveFirst = false;
    return piece;
  }

  #begin(size: number, lead: number): void {
    this.active = borrowBuffer(lead + size);
    this.#activeStart = lead;
    this.#activeEnd = lead;
  }

  /** Moves the gathered frames to a larger buffer. If there is no larger one, they become one write, and a new buffer begins. */
  #replaceActive(active: Uint8Array, size: number, lead: number): void {
    const start = this.#activeStart;
    const gathered = this.#activeEnd - start;
    if (gathered + size > largestGathered || this.#isActiveLargeShared()) {
      this.#queueActive();
      this.#begin(size, lead);
      return;
    }
    const larger = borrowBuffer(gathered + size);
    copy(larger, 0, active, start, this.#activeEnd);
    if (this.#isActivePooled) returnBuffer(active);
    if (this.#activeMarks !== undefined) this.#activeMarks = moved(this.#activeMarks, start);
    this.active = larger;
    this.#activeStart = 0;
    this.#activeEnd = gathered;
    this.#isActivePooled = true;
  }

  /** Whether the active buffer is a shared frame that waits without a copy. */
  #isActiveLargeShared(): boolean {
    return !this.#isActivePooled && this.#activeEnd >= sharedFrom;
  }

  /** Moves the active buffer to its queue. */
  #queueActive(): void {
    const pieces = this.isActiveFirst
      ? (this.#urgent ??= new Fifo<Piece>())
      : (this.#full ??= new Fifo<Piece>());
    pieces.push(this.#takeActive()!);
  }
}
