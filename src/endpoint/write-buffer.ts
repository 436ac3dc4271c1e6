/**
 * Gathers the frames to send, so that many of them leave in one write (RFC 6455, 5.2 and 6.1).
 *
 * Theory of operation. Frames are encoded where `GatheredBytes` makes room for them, which knows the order in which bytes leave.
 * The buffer knows what frames are: it masks them, counts them, says which of them may overtake others, and keeps back pongs that
 * a later one makes superfluous.
 *
 * @module
 */

import { checkRange, checkSpan, checkText, checkWhole } from "../arguments.ts";
import { copy, copyOf, distanceMattersFrom, encodeUtf8, safeDistance } from "../bytes.ts";
import { cipherRange } from "../frame/cipher.ts";
import { checkControl, checkControlSize } from "../frame/frame.ts";
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
import { type TextCodec, webText, writeText } from "../frame/text-codec.ts";
import { GatheredBytes } from "./gathered-bytes.ts";
import { Traffic } from "./traffic.ts";
import type { TakenListener } from "./write-piece.ts";

/** Longer texts are encoded separately: reserving three bytes for each of their units would cost more than a copy. */
export const longText: number = 8 * 1024;

/** Unsent bytes from which a pong replaces the one before it, rather than adding to them. */
const manyUnsent = 4 * 1024;

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
  readonly #bytes = new GatheredBytes();
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
    return this.#bytes.unsent + this.#held;
  }

  /** Bytes of frames that wait or are lent. */
  get gathered(): number {
    return this.#bytes.unsent;
  }

  /** Bytes that the write under way has borrowed; 0 if no write is under way. */
  get lent(): number {
    return this.#bytes.lent;
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
    const at = this.#bytes.reserve(bytes.length);
    copy(this.#bytes.active!, at, bytes, 0, bytes.length);
    // The opening handshake does not count as traffic of the connection.
    this.#bytes.commit(bytes.length);
    this.#bytes.isActiveFirst = true;
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
    const gathered = this.#bytes;
    const at = gathered.reserve(size + end - start, lead);
    const buffer = gathered.active!;
    encodeHeaderAt(header, buffer, at);
    copy(buffer, at + size, bytes, start, end);
    this.#commitFrame(buffer, at, size);
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
    this.#bytes.addShared(frame);
    this.traffic.bytes += frame.length;
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
    const at = this.#bytes.reserve(MaxHeaderSize + 3 * text.length);
    const buffer = this.#bytes.active!;
    header.length = writeText(this.#codec, text, buffer, at + guess);
    const size = headerSize(header);
    if (size !== guess) buffer.copyWithin(at + size, at + guess, at + guess + header.length);
    encodeHeaderAt(header, buffer, at);
    const { length } = header;
    this.#commitFrame(buffer, at, size);
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
    if (this.#bytes.unsent < manyUnsent) {
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
    return bytes === undefined || this.#bytes.lentPiece!.isPooled
      ? bytes
      : copyOf(bytes, 0, bytes.length);
  }

  /**
   * Like {@link take}, but without the copy, for callers that neither change nor transfer the bytes.
   *
   * @internal
   */
  lend(): Uint8Array | undefined {
    const pong = this.#latePong;
    if (pong !== undefined && this.#bytes.lentPiece === undefined) {
      this.#latePong = undefined;
      this.addControl(OpPong, pong, 0, pong.length);
    }
    return this.#bytes.lend();
  }

  /**
   * Says that the taken bytes have been sent. A second call for the same part of a larger frame does nothing.
   *
   * @throws {TypeError} Nothing is lent: it was not taken, is given back already, or was abandoned.
   */
  giveBack(): void {
    this.#bytes.giveBack();
  }

  /**
   * Tells the listener when everything gathered so far has been given back, or when the last of it was dropped.
   *
   * @param listener Must neither add nor take anything.
   * @internal
   */
  whenTaken(listener: TakenListener): void {
    this.#bytes.whenTaken(listener);
  }

  /** Drops everything that waits. Lent bytes stay lent; the rest of the same frame is dropped. */
  clear(): void {
    this.#latePong = undefined;
    this.#bytes.clear();
  }

  /** Drops everything, the lent bytes too: they will not be given back. */
  abandon(): void {
    this.#latePong = undefined;
    this.#bytes.abandon();
  }

  /**
   * Adds a ping or a pong, and then calls the tracer. The frame goes behind what was gathered if all of that leaves with the next
   * write, and otherwise in front of it. The caller has checked the arguments.
   *
   * @internal
   */
  addControl(opcode: Opcode, bytes: Uint8Array, start: number, end: number): void {
    if (this.#bytes.leavesNext(MaxHeaderSize + end - start)) {
      this.#put(opcode, bytes, start, end);
      this.#bytes.isActiveFirst = true;
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
    this.#bytes.addUrgent(buffer);
    this.traffic.bytes += buffer.length;
  }

  #beginHeader(opcode: Opcode, length: number): void {
    header.opcode = opcode;
    header.fin = true;
    header.rsv = 0;
    header.length = length;
    header.masked = this.#masked;
    header.maskKey = this.#masked ? newMask() : 0;
  }

  #commitFrame(buffer: Uint8Array, at: number, size: number): void {
    const whole = size + header.length;
    if (header.masked) cipherRange(buffer, header.maskKey, 0, at + size, at + whole);
    this.#bytes.commit(whole);
    this.traffic.bytes += whole;
  }
}
