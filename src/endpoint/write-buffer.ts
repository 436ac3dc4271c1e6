/**
 * Frames on their way out, gathered so that many of them leave in one write (RFC 6455, 5.2 and 6.1).
 *
 * Theory of operation. Frames are encoded into an active buffer of the pool; a full one moves to a queue. One write at a time is
 * lent out and given back when the transport has taken it. Pings and pongs that come while a write is under way have a queue of
 * their own, which leaves first; they never go into the middle of a frame. What is sent to many is not copied while it waits: the
 * frame itself takes a buffer's place.
 *
 * @module
 */

import { checkRange, checkSpan, checkText, checkWhole } from "../arguments.ts";
import { copy, copyOf, distanceMattersFrom, encodeUtf8, safeDistance, viewOf } from "../bytes.ts";
import { Fifo } from "../fifo.ts";
import { cipherRange } from "../frame/cipher.ts";
import { checkControlSize } from "../frame/frame.ts";
import {
  encodeHeaderAt,
  type Header,
  headerSize,
  MaxHeaderSize,
  newHeader,
} from "../frame/header.ts";
import { newMask } from "../frame/mask.ts";
import {
  checkOpcode,
  isControl,
  OpClose,
  type Opcode,
  OpPing,
  OpPong,
  OpText,
} from "../frame/opcode.ts";
import { type TextCodec, webText } from "../frame/text-codec.ts";
import { borrowBuffer, largestGathered, returnBuffer } from "./pool.ts";
import { Traffic } from "./traffic.ts";
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

/** Longer texts are encoded by themselves: reserving three bytes for each of their units would cost more than a copy. */
export const longText: number = 8 * 1024;

// Up to this length a loop is faster than encodeInto, which needs a view (16 characters: 0.3 to 0.4 of it): bench/micro/text.mjs.
const shortText = 24;

/** Unsent bytes from which a pong replaces the one before it, rather than adding to them. */
const manyUnsent = 4 * 1024;

/**
 * Bytes of one write at the most. Each part of a larger frame that is taken shows that the peer reads on. With parts of 64 KiB
 * an echo of 1 MiB took a fifth more CPU time on Bun and Deno, with these it takes no more than in one write.
 */
export const largestWrite: number = 256 * 1024;

/** Bytes from which a frame that many share waits as it is: what else would be copied for each is more than a piece costs. */
export const sharedFrom: number = 2 * 1024;

/** The header of the frame that is being added. All write buffers share it, so that none is made for each frame. */
const header: Header = /* @__PURE__ */ newHeader();

/**
 * Gathers frames in pooled buffers, and lends them out one write at a time.
 *
 * Payloads are copied: what is passed in may be changed as soon as a call returns. Frames leave in the order in which they
 * were added, but for pings and pongs: those go in front of the frames that a write under way keeps waiting, though never
 * into the middle of one (RFC 6455, 5.4 and 5.5).
 */
export class WriteBuffer {
  /** What has been gathered, sent or not; messages are counted by those who add them. */
  readonly traffic: Traffic;
  readonly #masked: boolean;
  readonly #codec: TextCodec;
  // Full pieces, oldest first, in front of the active one; made at the first.
  #full: Fifo<Piece> | undefined;
  // Pings and pongs that go in front of those, made at the first; each piece ends with a frame.
  #urgent: Fifo<Piece> | undefined;
  #active: Uint8Array | undefined;
  #activeStart = 0;
  #activeEnd = 0;
  // Not where it is a frame that many share: that one is full, and another that follows moves on to a buffer of the pool.
  #isActivePooled = true;
  #activeMarks: Mark[] | undefined;
  // What a write is under way of, and where that write begins and ends.
  #lent: Piece | undefined;
  #lentStart = 0;
  #lentEnd = 0;
  // Whether the active buffer holds what nothing may go in front of: the response that opens the connection, or a ping or
  // pong. It is in front of all else then, and what is urgent comes behind it.
  #isActiveFirst = false;
  #unsent = 0;
  #held = 0;
  #latePong: Uint8Array | undefined;

  /**
   * Begins with nothing to send.
   *
   * @param masked Whether frames leave masked: a client's do (RFC 6455, 5.1).
   * @param traffic What counts its frames. Default: one of its own.
   * @param codec What encodes text. Default: the Web's `TextEncoder`.
   */
  constructor(masked: boolean, traffic: Traffic = new Traffic(), codec: TextCodec = webText) {
    this.#masked = masked;
    this.traffic = traffic;
    this.#codec = codec;
  }

  /** Whether frames leave masked. */
  get isMasked(): boolean {
    return this.#masked;
  }

  /** Bytes that wait or are lent out, those that are on hold included; a pong that is kept back does not count. */
  get unsent(): number {
    return this.#unsent + this.#held;
  }

  /** Bytes of frames that wait or are lent out. */
  get gathered(): number {
    return this.#unsent;
  }

  /** Bytes that the write under way has lent; 0 where none is. */
  get lent(): number {
    return this.#lentEnd - this.#lentStart;
  }

  /**
   * Counts bytes of which frames are still to be made; with a negative number, that they were or will not be.
   *
   * @internal
   */
  hold(count: number): void {
    this.#held += count;
  }

  /**
   * Adds bytes that are no frame: the response that opens the connection.
   *
   * @throws {TypeError} They are no Uint8Array, or detached: nothing has been added then.
   */
  addRaw(bytes: Uint8Array): void {
    checkRange(bytes, 0, undefined);
    const at = this.#reserve(bytes.length);
    copy(this.#active!, at, bytes, 0, bytes.length);
    this.#commit(bytes.length);
    this.#isActiveFirst = true;
    // The opening handshake is no traffic of the connection.
    this.traffic.bytes -= bytes.length;
  }

  /**
   * Adds a frame with `bytes[start, end)` as its payload. What makes a message of frames is the caller's to see to: their order,
   * `fin`, and what reserved opcodes and bits mean.
   *
   * @param rsv Reserved bits: 4, 2, 1 for RSV1, RSV2, RSV3.
   * @param fin Whether its message, or what it is itself, ends with it: true of a control frame, which a peer refuses otherwise.
   * @throws {TypeError} They are no Uint8Array or are detached, or a number is none: nothing has been added then.
   * @throws {RangeError} `start` or `end` is not within `bytes`, a frame holds no such `opcode` or `rsv`, or a control frame would
   * have more than 125 bytes (RFC 6455, 5.5): nothing has been added then.
   */
  addFrame(
    opcode: Opcode,
    bytes: Uint8Array,
    start: number,
    end: number,
    rsv = 0,
    fin = true,
  ): void {
    checkOpcode(opcode);
    checkWhole("rsv", rsv, 7);
    checkSpan(bytes, start, end, "payload");
    if (isControl(opcode)) checkControlSize(end - start);
    this.add(opcode, bytes, start, end, rsv, fin);
  }

  /**
   * As {@link addFrame}, for callers that have checked what they pass.
   *
   * @internal
   */
  add(opcode: Opcode, bytes: Uint8Array, start: number, end: number, rsv = 0, fin = true): void {
    this.#put(opcode, bytes, start, end, rsv, fin);
    this.traffic.addFrame(header);
  }

  /** Puts a frame behind what was gathered. The caller then tells the tracer, last, since that may send more, or take. */
  #put(opcode: Opcode, bytes: Uint8Array, start: number, end: number, rsv = 0, fin = true): void {
    this.#beginHeader(opcode, end - start);
    header.rsv = rsv;
    header.fin = fin;
    const size = headerSize(header);
    // With a header of 4 or 10 bytes in front, the copy would lie too near behind its source, which is slow (src/bytes.ts).
    const isLarge = end - start > distanceMattersFrom;
    const lead = isLarge ? (bytes.byteOffset + start - size) & (safeDistance - 1) : 0;
    const at = this.#reserve(size + end - start, lead);
    encodeHeaderAt(header, this.#active!, at);
    copy(this.#active!, at + size, bytes, start, end);
    this.#commitFrame(at, size);
  }

  /**
   * Adds a whole frame that is sent on many connections, and that nobody changes: where it is alone in its write, it is lent
   * out as it lies. A large one waits so, too, and is copied when a write is made of it and of others.
   *
   * @internal
   * @param frame Not masked: only where this side is a server.
   */
  addShared(frame: Uint8Array, opcode: Opcode, length: number): void {
    this.#beginHeader(opcode, length);
    if (this.#active !== undefined && frame.length >= sharedFrom) this.#queueActive();
    if (this.#active === undefined) {
      this.#active = frame;
      this.#isActivePooled = false;
    } else {
      const at = this.#reserve(frame.length);
      copy(this.#active, at, frame, 0, frame.length);
    }
    this.#commit(frame.length);
    this.traffic.addFrame(header);
  }

  /** Adds a final text frame; gives the bytes of its payload. @throws {TypeError} `text` is no string. */
  addText(text: string): number {
    checkText("text", text);
    if (text.length > longText) {
      const bytes = encodeUtf8(text);
      this.add(OpText, bytes, 0, bytes.length);
      return bytes.length;
    }
    // The header's size depends on a length that is known only behind it: a guess, right for all ASCII, and room to move.
    this.#beginHeader(OpText, text.length);
    const guess = headerSize(header);
    const at = this.#reserve(MaxHeaderSize + 3 * text.length);
    const buffer = this.#active!;
    header.length = writeText(text, buffer, at + guess, this.#codec);
    const size = headerSize(header);
    if (size !== guess) buffer.copyWithin(at + size, at + guess, at + guess + header.length);
    encodeHeaderAt(header, buffer, at);
    const { length } = header;
    this.#commitFrame(at, size);
    this.traffic.addFrame(header);
    return length;
  }

  /**
   * Adds a ping.
   *
   * @throws {TypeError} `payload` is no Uint8Array, or is detached: nothing has been added then.
   * @throws {RangeError} It has more than 125 bytes (RFC 6455, 5.5): nothing has been added then.
   */
  addPing(payload: Uint8Array): void {
    this.addControl(OpPing, payload, 0, checkControl(payload));
  }

  /**
   * Adds a pong, or keeps it back while much is unsent; then only the last one is sent.
   *
   * "the endpoint MAY elect to send a Pong frame for only the most recently processed Ping frame" (RFC 6455, 5.5.3)
   *
   * @throws As {@link addFrame}.
   */
  addPong(bytes: Uint8Array, start: number, end: number): void {
    checkSpan(bytes, start, end, "payload");
    checkControlSize(end - start);
    if (this.#unsent < manyUnsent) {
      this.#latePong = undefined;
      this.addControl(OpPong, bytes, start, end);
    } else {
      this.#latePong = copyOf(bytes, start, end);
    }
  }

  /**
   * Adds a close frame, the last one: a pong that was kept back is dropped, since nothing may follow.
   *
   * @param body As newCloseFrameBody makes it.
   * @throws As {@link addPing}.
   */
  addClose(body: Uint8Array): void {
    const end = checkControl(body);
    this.#latePong = undefined;
    this.add(OpClose, body, 0, end);
  }

  /**
   * Takes what one write may carry. They are lent: they stay as they are until {@link giveBack}, and belong to the output again
   * from then on. Do not transfer their buffer: what follows of the same frame may lie in it. A frame that is sent on many
   * connections is copied for each of them, so that nothing that is done with these bytes reaches another connection.
   *
   * @returns undefined when nothing waits.
   */
  take(): Uint8Array | undefined {
    const bytes = this.lend();
    return bytes === undefined || this.#lent!.isPooled ? bytes : copyOf(bytes, 0, bytes.length);
  }

  /**
   * As {@link take}, without the copy, for callers that neither change nor transfer the bytes.
   *
   * @internal
   */
  lend(): Uint8Array | undefined {
    if (this.#lent === undefined) {
      const next = this.#next();
      if (next === undefined) return undefined;
      this.#lent = next;
      this.#lentStart = next.start;
    }
    const { buffer, end } = this.#lent;
    this.#lentEnd = Math.min(end, this.#lentStart + largestWrite);
    return viewOf(buffer, this.#lentStart, this.#lentEnd);
  }

  /**
   * Says that what was taken has been sent. A second time for the same part of a larger frame does nothing.
   *
   * @throws {TypeError} Nothing is lent out: it was not taken, is given back already, or was abandoned.
   */
  giveBack(): void {
    const piece = this.#lent;
    if (piece === undefined) throw new TypeError("giveBack() without take()");
    this.#unsent -= this.lent;
    this.#lentStart = this.#lentEnd;
    if (this.#lentEnd === piece.end) {
      this.#lent = undefined;
      if (piece.isPooled) returnBuffer(piece.buffer);
    }
    if (piece.marks !== undefined) tellTaken(piece.marks, this.#lentEnd);
  }

  /**
   * Tells when all is given back that has been gathered by now, or when the last of it will not be.
   *
   * @param listener Must neither add nor take anything.
   * @internal
   */
  whenTaken(listener: TakenListener): void {
    if (this.#active !== undefined) {
      (this.#activeMarks ??= []).push({ end: this.#activeEnd, listener });
      return;
    }
    // Rare: the frame was taken already, or a ping was put behind it.
    const last = lastOf(this.#full) ?? lastOf(this.#urgent) ?? this.#lent;
    if (last === undefined) listener.onTaken();
    else (last.marks ??= []).push({ end: last.end, listener });
  }

  /** Drops all that waits. What is lent out stays lent, and what follows it of the same frame is dropped with the rest. */
  clear(): void {
    for (const pieces of [this.#urgent, this.#full]) {
      for (const piece of pieces?.takeAll() ?? []) this.#drop(piece);
    }
    const active = this.#takeActive();
    if (active !== undefined) this.#drop(active);
    this.#latePong = undefined;
    const lent = this.#lent;
    if (lent === undefined || lent.end === this.#lentEnd) return;
    this.#unsent -= lent.end - this.#lentEnd;
    const { marks } = lent;
    // Not given back to the pool: a write may be under way.
    this.#lent = this.lent === 0 ? undefined : { ...lent, end: this.#lentEnd, isPooled: false };
    if (marks !== undefined) tellLost(marks, this.#lentEnd);
  }

  /** Drops all, what is lent out too: it will not be given back. */
  abandon(): void {
    this.clear();
    const lost = this.#lent?.marks;
    this.#unsent -= this.lent;
    this.#lent = undefined;
    this.#lentStart = this.#lentEnd;
    if (lost !== undefined) tellLost(lost, 0);
  }

  /** Gives the piece whose turn it is, at the border between two frames. */
  #next(): Piece | undefined {
    const pong = this.#latePong;
    if (pong !== undefined) {
      this.#latePong = undefined;
      this.addControl(OpPong, pong, 0, pong.length);
    }
    const urgent = this.#urgent?.shift();
    if (urgent !== undefined) return urgent;
    const piece = this.#full?.shift();
    if (piece === undefined) return this.#takeActive();
    return piece.isPooled ? piece : this.#gather(piece);
  }

  /** Makes one write of a frame that many share and of what is behind it, as far as there is room. */
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

  /** Takes the next piece that waits, where it has no more than so many bytes. */
  #nextWithin(room: number): Piece | undefined {
    const next = this.#full?.first;
    if (next !== undefined) return sizeOf(next) <= room ? this.#full!.shift() : undefined;
    return this.#activeEnd - this.#activeStart <= room ? this.#takeActive() : undefined;
  }

  /**
   * Adds a ping or a pong, and tells of it, last: behind what was gathered where all of it leaves with the next write, else in
   * front of it. For callers that have checked what they pass.
   *
   * @internal
   */
  addControl(opcode: Opcode, bytes: Uint8Array, start: number, end: number): void {
    const isNext = this.#lent === undefined && !this.#urgent?.length && !this.#full?.length;
    if (
      isNext &&
      !this.#isActiveLargeShared &&
      this.#unsent + MaxHeaderSize + end - start <= largestGathered
    ) {
      this.#put(opcode, bytes, start, end);
      this.#isActiveFirst = true;
    } else {
      this.#putUrgent(opcode, bytes, start, end);
    }
    this.traffic.addFrame(header);
  }

  #putUrgent(opcode: Opcode, bytes: Uint8Array, start: number, end: number): void {
    this.#beginHeader(opcode, end - start);
    const size = headerSize(header);
    const buffer = new Uint8Array(size + end - start);
    encodeHeaderAt(header, buffer, 0);
    copy(buffer, size, bytes, start, end);
    if (header.masked) cipherRange(buffer, header.maskKey, 0, size, buffer.length);
    this.#urgent ??= new Fifo<Piece>();
    if (this.#isActiveFirst) this.#urgent.push(this.#takeActive()!);
    this.#urgent.push({ buffer, start: 0, end: buffer.length, isPooled: false, marks: undefined });
    this.#count(buffer.length);
  }

  #drop(piece: Piece): void {
    this.#unsent -= piece.end - piece.start;
    if (piece.isPooled) returnBuffer(piece.buffer);
    if (piece.marks !== undefined) tellLost(piece.marks, 0);
  }

  #takeActive(): Piece | undefined {
    const buffer = this.#active;
    if (buffer === undefined) return undefined;
    const piece: Piece = {
      buffer,
      start: this.#activeStart,
      end: this.#activeEnd,
      isPooled: this.#isActivePooled,
      marks: this.#activeMarks,
    };
    this.#active = undefined;
    this.#activeMarks = undefined;
    this.#activeStart = 0;
    this.#activeEnd = 0;
    this.#isActivePooled = true;
    this.#isActiveFirst = false;
    return piece;
  }

  #beginHeader(opcode: Opcode, length: number): void {
    header.opcode = opcode;
    header.fin = true;
    header.rsv = 0;
    header.length = length;
    header.masked = this.#masked;
    header.maskKey = this.#masked ? newMask() : 0;
  }

  /**
   * Makes room in the active buffer; gives the index where it begins. A large frame's buffer may have room for more than one
   * write: others do not go behind the frame there.
   *
   * @param lead Bytes that are left out in front of it where it begins a buffer.
   */
  #reserve(size: number, lead = 0): number {
    const active = this.#active;
    if (active === undefined) {
      this.#begin(size, lead);
    } else if (Math.min(active.length, largestWrite) - this.#activeEnd < size) {
      this.#replaceActive(active, size, lead);
    }
    return this.#activeEnd;
  }

  #begin(size: number, lead: number): void {
    this.#active = borrowBuffer(lead + size);
    this.#activeStart = lead;
    this.#activeEnd = lead;
  }

  /** Moves to a larger buffer while there is one; else what is gathered is one write, and the next begins. */
  #replaceActive(active: Uint8Array, size: number, lead: number): void {
    const start = this.#activeStart;
    const gathered = this.#activeEnd - start;
    if (gathered + size > largestGathered || this.#isActiveLargeShared) {
      this.#queueActive();
      this.#begin(size, lead);
      return;
    }
    const larger = borrowBuffer(gathered + size);
    copy(larger, 0, active, start, this.#activeEnd);
    if (this.#isActivePooled) returnBuffer(active);
    if (this.#activeMarks !== undefined) this.#activeMarks = moved(this.#activeMarks, start);
    this.#active = larger;
    this.#activeStart = 0;
    this.#activeEnd = gathered;
    this.#isActivePooled = true;
  }

  /** Whether the active buffer is a frame that many share, and that stays as it is while it waits. */
  get #isActiveLargeShared(): boolean {
    return !this.#isActivePooled && this.#activeEnd >= sharedFrom;
  }

  /** What is gathered takes its place in the queue. */
  #queueActive(): void {
    const pieces = this.#isActiveFirst
      ? (this.#urgent ??= new Fifo<Piece>())
      : (this.#full ??= new Fifo<Piece>());
    pieces.push(this.#takeActive()!);
  }

  #commitFrame(at: number, size: number): void {
    const whole = size + header.length;
    if (header.masked) cipherRange(this.#active!, header.maskKey, 0, at + size, at + whole);
    this.#commit(whole);
  }

  #commit(size: number): void {
    this.#activeEnd += size;
    this.#count(size);
  }

  #count(size: number): void {
    this.#unsent += size;
    this.traffic.bytes += size;
  }
}

/**
 * Checks the whole payload of a control frame.
 *
 * @returns Its size.
 * @throws {TypeError} It is no Uint8Array, or is detached.
 * @throws {RangeError} It has more than 125 bytes.
 */
export function checkControl(payload: Uint8Array): number {
  const end = checkRange(payload, 0, undefined, "payload");
  checkControlSize(end);
  return end;
}

/** Encodes `text` at `target[at]`, which has room for it; gives the bytes written. */
function writeText(text: string, target: Uint8Array, at: number, codec: TextCodec): number {
  if (text.length > shortText) return codec.encodeInto(text, target, at);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return codec.encodeInto(text, target, at);
    target[at + i] = unit;
  }
  return text.length;
}
