/**
 * Gathers the frames to send, so that many of them leave in one write (RFC 6455, 5.2 and 6.1).
 *
 * Theory of operation. Frames are encoded into an active buffer of the pool; a full buffer moves to a queue. One write at a time
 * is lent, and given back when the transport has taken it. Pings and pongs that come while a write is under way have a queue of
 * their own, which leaves first; they never go into the middle of a frame. A large frame that many connections share is not
 * copied while it waits: the shared frame itself takes the place of a buffer.
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

/** Longer texts are encoded separately: reserving three bytes for each of their units would cost more than a copy. */
export const longText: number = 8 * 1024;

// Up to this length a loop is faster than encodeInto, which needs a view (16 characters: 0.3 to 0.4 of it): bench/micro/text.mjs.
const shortText = 24;

/** Unsent bytes from which a pong replaces the one before it, rather than adding to them. */
const manyUnsent = 4 * 1024;

/**
 * Bytes of one write, at most. A larger frame is written in parts, and each part that is taken shows that the peer still reads.
 * With parts of 64 KiB an echo of 1 MiB took a fifth more CPU time on Bun and Deno; with these parts it takes no more than in one
 * write.
 */
export const largestWrite: number = 256 * 1024;

/** Bytes from which a shared frame waits without a copy: one copy for each connection would cost more than one piece for each. */
export const sharedFrom: number = 2 * 1024;

/** The header of the frame that is being added. All write buffers share it, so that none is allocated for each frame. */
const header: Header = /* @__PURE__ */ newHeader();

/**
 * Gathers frames in pooled buffers, and lends them one write at a time.
 *
 * Payloads are copied: the caller may change the bytes as soon as a call returns. Frames leave in the order in which they were
 * added, except pings and pongs: they overtake the frames that wait behind the write under way, but never go into the middle of a
 * frame (RFC 6455, 5.4 and 5.5).
 */
export class WriteBuffer {
  /** Counts frames and bytes that were gathered, sent or not. It counts no messages: the code that adds a message does that. */
  readonly traffic: Traffic;
  readonly #masked: boolean;
  readonly #codec: TextCodec;
  // Full pieces, oldest first, which leave before the active buffer; undefined until the first one.
  #full: Fifo<Piece> | undefined;
  // Pings and pongs that leave before the full pieces, undefined until the first one; each piece ends with a whole frame.
  #urgent: Fifo<Piece> | undefined;
  #active: Uint8Array | undefined;
  #activeStart = 0;
  #activeEnd = 0;
  // False if the active buffer is a shared frame. Such a buffer is full: the next frame goes into a buffer of the pool.
  #isActivePooled = true;
  #activeMarks: Mark[] | undefined;
  // The piece that the write under way is taken from, and where that write begins and ends.
  #lent: Piece | undefined;
  #lentStart = 0;
  #lentEnd = 0;
  // Whether the active buffer holds bytes that nothing may overtake: the response that opens the connection, or a ping or pong.
  // It then leaves before everything else, and urgent frames come behind it.
  #isActiveFirst = false;
  #unsent = 0;
  #held = 0;
  #latePong: Uint8Array | undefined;

  /**
   * Makes an empty buffer.
   *
   * @param masked Whether frames leave masked: a client's do (RFC 6455, 5.1).
   * @param traffic Counts its frames. Default: a new counter.
   * @param codec Encodes text. Default: the Web's `TextEncoder`.
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

  /** Bytes that wait or are lent, including those announced with `hold`. A pong that is kept back does not count. */
  get unsent(): number {
    return this.#unsent + this.#held;
  }

  /** Bytes of frames that wait or are lent. */
  get gathered(): number {
    return this.#unsent;
  }

  /** Bytes that the write under way has borrowed; 0 if no write is under way. */
  get lent(): number {
    return this.#lentEnd - this.#lentStart;
  }

  /**
   * Counts bytes as unsent that are not frames yet. A negative number takes them off again, when they became frames or were
   * dropped.
   *
   * @internal
   */
  hold(count: number): void {
    this.#held += count;
  }

  /**
   * Adds bytes that are no frame: the response that opens the connection.
   *
   * @throws {TypeError} `bytes` is no Uint8Array, or is detached: nothing has been added then.
   */
  addRaw(bytes: Uint8Array): void {
    checkRange(bytes, 0, undefined);
    const at = this.#reserve(bytes.length);
    copy(this.#active!, at, bytes, 0, bytes.length);
    this.#commit(bytes.length);
    this.#isActiveFirst = true;
    // The opening handshake does not count as traffic of the connection.
    this.traffic.bytes -= bytes.length;
  }

  /**
   * Adds a frame with `bytes[start, end)` as its payload. The caller makes sure that the frames form messages: that their order,
   * `fin`, and the reserved opcodes and bits are right.
   *
   * @param rsv Reserved bits: 4, 2, 1 for RSV1, RSV2, RSV3.
   * @param fin Whether this is the last frame of its message. It is true for control frames; a peer refuses others.
   * @throws {TypeError} `bytes` is no Uint8Array or is detached, or another argument is no number: nothing has been added then.
   * @throws {RangeError} `start` or `end` is not within `bytes`, a frame cannot hold such an `opcode` or `rsv`, or a control
   * frame would have more than 125 bytes (RFC 6455, 5.5): nothing has been added then.
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

  /**
   * Adds a frame behind the gathered ones. The caller then calls the tracer, as its last step: the tracer may send more, or take.
   */
  #put(opcode: Opcode, bytes: Uint8Array, start: number, end: number, rsv = 0, fin = true): void {
    this.#beginHeader(opcode, end - start);
    header.rsv = rsv;
    header.fin = fin;
    const size = headerSize(header);
    // With a header of 4 or 10 bytes in front, the copy would lie too close behind its source, which is slow (src/bytes.ts).
    const isLarge = end - start > distanceMattersFrom;
    const lead = isLarge ? (bytes.byteOffset + start - size) & (safeDistance - 1) : 0;
    const at = this.#reserve(size + end - start, lead);
    encodeHeaderAt(header, this.#active!, at);
    copy(this.#active!, at + size, bytes, start, end);
    this.#commitFrame(at, size);
  }

  /**
   * Adds a whole frame that many connections share and nobody changes. A frame that is alone in its write is lent without a copy.
   * A large frame also waits without a copy, and is copied only into a write together with other frames.
   *
   * @internal
   * @param frame Not masked: only a server may add it.
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

  /** Adds a final text frame. @returns Bytes of its payload. @throws {TypeError} `text` is no string. */
  addText(text: string): number {
    checkText("text", text);
    if (text.length > longText) {
      const bytes = encodeUtf8(text);
      this.add(OpText, bytes, 0, bytes.length);
      return bytes.length;
    }
    // The size of the header depends on the payload's length, which is not known yet. The guess is right for all ASCII texts.
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
   * Adds a pong. While much is unsent, it keeps the pong back instead, and sends only the last one.
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
   * Adds a close frame, which is the last frame: a pong that was kept back is dropped, since nothing may follow.
   *
   * @param body As made by newCloseFrameBody.
   * @throws As {@link addPing}.
   */
  addClose(body: Uint8Array): void {
    const end = checkControl(body);
    this.#latePong = undefined;
    this.add(OpClose, body, 0, end);
  }

  /**
   * Takes the bytes of the next write. They are lent: they do not change until {@link giveBack}, and then belong to the output
   * again. Do not transfer their buffer: the rest of the same frame may lie in it. A frame that many connections share is copied
   * for each of them, so that a change of these bytes does not reach another connection.
   *
   * @returns undefined when nothing waits.
   */
  take(): Uint8Array | undefined {
    const bytes = this.lend();
    return bytes === undefined || this.#lent!.isPooled ? bytes : copyOf(bytes, 0, bytes.length);
  }

  /**
   * Like {@link take}, but without the copy, for callers that neither change nor transfer the bytes.
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
   * Says that the taken bytes have been sent. A second call for the same part of a larger frame does nothing.
   *
   * @throws {TypeError} Nothing is lent: it was not taken, is given back already, or was abandoned.
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
   * Tells the listener when everything gathered so far has been given back, or when the last of it was dropped.
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

  /** Drops everything that waits. Lent bytes stay lent; the rest of the same frame is dropped. */
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
    // This piece does not go back to the pool, since a write from it may be under way.
    this.#lent = this.lent === 0 ? undefined : { ...lent, end: this.#lentEnd, isPooled: false };
    if (marks !== undefined) tellLost(marks, this.#lentEnd);
  }

  /** Drops everything, the lent bytes too: they will not be given back. */
  abandon(): void {
    this.clear();
    const lost = this.#lent?.marks;
    this.#unsent -= this.lent;
    this.#lent = undefined;
    this.#lentStart = this.#lentEnd;
    if (lost !== undefined) tellLost(lost, 0);
  }

  /** Gives the piece to write next. It is called between two frames only. */
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

  /**
   * Adds a ping or a pong, and then calls the tracer. The frame goes behind what was gathered if all of that leaves with the next
   * write, and otherwise in front of it. The caller has checked the arguments.
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
   * Makes room in the active buffer, and gives the index where the room begins. The buffer of a large frame may be larger than
   * one write: no other frame goes behind the frame there.
   *
   * @param lead Bytes to leave unused in front if the room begins a new buffer.
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

  /** Moves the gathered frames to a larger buffer. If there is no larger one, they become one write, and a new buffer begins. */
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

  /** Whether the active buffer is a shared frame that waits without a copy. */
  get #isActiveLargeShared(): boolean {
    return !this.#isActivePooled && this.#activeEnd >= sharedFrom;
  }

  /** Moves the active buffer to its queue. */
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
 * @throws {TypeError} `payload` is no Uint8Array, or is detached.
 * @throws {RangeError} `payload` has more than 125 bytes.
 */
export function checkControl(payload: Uint8Array): number {
  const end = checkRange(payload, 0, undefined, "payload");
  checkControlSize(end);
  return end;
}

/** Encodes `text` at `target[at]`, which has room for it. @returns The number of bytes written. */
function writeText(text: string, target: Uint8Array, at: number, codec: TextCodec): number {
  if (text.length > shortText) return codec.encodeInto(text, target, at);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return codec.encodeInto(text, target, at);
    target[at + i] = unit;
  }
  return text.length;
}
