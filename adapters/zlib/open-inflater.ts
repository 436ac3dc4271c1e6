/**
 * Decompresses on a zlib stream that stays open.
 *
 * Theory of operation. The stream can be freed and made again. A decompressor keeps a copy of its window, and inside a short
 * message the payload since that window (beginning.ts): a new stream gets the window as a stored block, and then that payload
 * again. After a last block (BFINAL) a stream is reset, and gets the window in the same way. Each call works until a slice's
 * worth is done; `Slices` keeps the rest.
 *
 * @module
 */

import { constants } from "node:zlib";
import { checkSpan } from "../../src/arguments.ts";
import { ProtocolError } from "../../src/errors.ts";
import type { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { Inflater, InflaterSettings } from "../../src/flate/engine.ts";
import { History, storedHeaderSize } from "../../src/flate/history.ts";
import { windowSize } from "../../src/flate/parameters.ts";
import { Beginning, mostToGoThrough } from "./beginning.ts";
import { behindEmptyBlocks, inflaterMemory } from "./format.ts";
import { chunkSize, leastRoom, OpenStream, runtimesZlib, type Zlib } from "./open-stream.ts";
import { Slices } from "./slices.ts";

/** The removed end of a payload, and a byte that must be left over behind it (RFC 7692, 7.2.2). */
const tail = /* @__PURE__ */ Uint8Array.of(0, 0, 0xff, 0xff, 0);
/** An empty stored block and such a byte, for a payload that still has its end. */
const emptyBlock = /* @__PURE__ */ Uint8Array.of(0, 0, 0, 0xff, 0xff, 0);

const scratchSize = 64 * 1024;
/** Takes output that nobody needs; made at the first use, as is the next one. */
let scratch: Uint8Array | undefined;
/**
 * The buffer in which a window is put together for a stream: a new array each time would cost more than everything else about it.
 */
let windowBlock: Uint8Array | undefined;

/** Streams that are begun within one message, behind last blocks (BFINAL), at most: each costs a microsecond or a few. */
const mostStreams = 1024;

/** Bytes of output that cost about as much as a byte of input to be compressed. */
const outputFactor = 8;

/** Decompresses on an open stream. */
export class OpenInflater implements Inflater {
  readonly memory: number;
  readonly #zlib: Zlib;
  readonly #windowBits: number;
  /**
   * The room that a call gets, at most. zlib notices a distance that is too far only if the bytes are no longer in its window,
   * and the output of the same call counts as part of the window. So a call gets no more room than a small window has bytes: a
   * distance of twice the window is always refused, a shorter one that is still too far mostly.
   */
  readonly #mostRoom: number;
  readonly #history: History;
  readonly #mostWork: number;
  readonly #slices = new Slices();
  #stream: OpenStream | undefined;
  /**
   * Whether the last thing was a last block (BFINAL), or empty blocks behind one: if other blocks follow, a new stream with the
   * same window begins (RFC 7692, 7.2.3.4).
   */
  #hasEnded = false;
  /** The part of the message under way that brings a new stream to the state of this one. */
  #beginning: Beginning | undefined;
  /** Whether the message has no bytes, its last four bytes, and the number of streams that were begun in it. */
  #isEmpty = true;
  #lastFour = 0;
  #streams = 0;

  constructor({ windowBits }: InflaterSettings, sliceSize: number, zlib: Zlib = runtimesZlib) {
    this.memory = inflaterMemory(windowBits);
    this.#zlib = zlib;
    this.#windowBits = windowBits;
    this.#mostRoom = windowBits < 15 ? windowSize(windowBits) : 64 * 1024;
    this.#history = new History(windowSize(windowBits));
    this.#mostWork = sliceSize * outputFactor;
  }

  get canRest(): boolean {
    return this.#isEmpty || this.#beginning !== undefined;
  }

  inflate(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean {
    // Without this check zlib's own call would end the process.
    checkSpan(bytes, start, end);
    if (start < end) {
      if (this.#isEmpty && !isLast && end - start <= mostToGoThrough) {
        this.#beginning = new Beginning();
      }
      this.#isEmpty = false;
      this.#lastFour = lastFourOf(this.#lastFour, bytes, start, end);
    }
    const at = start < end ? this.#feed(bytes, start, end, into) : end;
    return this.#afterFeed(bytes, at, end, isLast);
  }

  goOn(into: BoundedBuffer): boolean {
    const { rest, isLast } = this.#slices;
    const at = this.#feed(rest, 0, rest.length, into);
    this.#slices.drop();
    return this.#afterFeed(rest, at, rest.length, isLast);
  }

  whenReady(task: () => void): void {
    this.#slices.whenReady(task);
  }

  reset(): void {
    this.#slices.drop();
    this.#history.clear();
    this.#stream?.reset();
    this.#hasEnded = false;
    this.#dropBeginning();
    this.#beginMessage();
  }

  rest(): void {
    this.#beginning?.rest();
    this.#free();
  }

  close(): void {
    this.#slices.drop();
    this.#dropBeginning();
    this.#free();
  }

  #free(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  #beginMessage(): void {
    this.#isEmpty = true;
    this.#lastFour = 0;
    this.#streams = 0;
  }

  /** Goes on after {@link #feed}. @param at The result of that call. */
  #afterFeed(bytes: Uint8Array, at: number, end: number, isLast: boolean): boolean {
    if (at < 0) {
      // If the stream were freed now, the output that it still holds would be lost.
      this.#settle();
      this.#slices.keep(bytes, ~at, end, isLast);
      return false;
    }
    if (isLast) this.#finish();
    return true;
  }

  /**
   * Decompresses `bytes[start, end)`.
   *
   * @returns `end`; or, if it has done enough for one turn, the bitwise complement of the index where it must go on.
   */
  #feed(bytes: Uint8Array, start: number, end: number, into: BoundedBuffer): number {
    let at = start;
    let work = 0;
    for (;;) {
      if (this.#hasEnded) {
        at = behindEmptyBlocks(bytes, at, end);
        if (at === end) return end;
        this.#renew();
        work += this.memory;
      }
      const stream = (this.#stream ??= this.#open());
      // One byte beyond the limit is enough to exceed it.
      const most = Math.min(this.#mostRoom, into.left + 1);
      const room = Math.min(into.room(Math.min(most, leastRoom)), most);
      stream.write(constants.Z_SYNC_FLUSH, bytes, at, end, into.bytes, into.size, room);
      if (stream.error !== undefined) throw failure(stream.error);
      const made = room - stream.roomLeft;
      const next = end - stream.inputLeft;
      if (this.#beginning === undefined) {
        this.#history.add(into.bytes, into.size, into.size + made);
      } else {
        this.#addToBeginning(this.#beginning, bytes, at, next, into, made);
      }
      into.commit(made);
      at = next;
      work += made;
      if (stream.roomLeft > 0) {
        if (stream.inputLeft === 0) return end;
        // If room and input are left, a last block (BFINAL) has ended.
        this.#end();
      }
      if (work >= this.#mostWork) return ~at;
    }
  }

  #addToBeginning(
    beginning: Beginning,
    bytes: Uint8Array,
    start: number,
    end: number,
    into: BoundedBuffer,
    made: number,
  ): void {
    beginning.add(bytes, start, end);
    beginning.addMade(into.bytes, into.size, into.size + made);
    if (beginning.isTooMuch) this.#settle();
  }

  /** From now on keeps the window up to date, instead of the payload that leads to it. */
  #settle(): void {
    this.#beginning?.moveTo(this.#history);
    this.#dropBeginning();
  }

  #dropBeginning(): void {
    this.#beginning?.free();
    this.#beginning = undefined;
  }

  /** Ends the stream at a last block: it ends at a byte boundary, so that the state is only the window. */
  #end(): void {
    this.#hasEnded = true;
    this.#beginning?.moveTo(this.#history);
  }

  /** Makes sure that the message ends where a block ends. */
  #finish(): void {
    if (!this.#isEmpty && !this.#hasEnded) {
      const stream = (this.#stream ??= this.#open());
      // "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message" (RFC 7692, 7.2.2). If a sender has
      // not removed them, they already end a block; if it has, the upper bits of the last byte are zero.
      const end = this.#lastFour === 0x0000ffff ? emptyBlock : tail;
      scratch ??= new Uint8Array(scratchSize);
      const room = 64;
      stream.write(constants.Z_BLOCK, end, 0, end.length, scratch, 0, room);
      if (stream.error !== undefined) throw failure(stream.error);
      if (stream.inputLeft === end.length) this.#hasEnded = true;
      else if (stream.inputLeft !== 1 || stream.roomLeft !== room) throw failure();
    }
    this.#settle();
    this.#beginMessage();
  }

  /** Continues with a new stream after one that has ended, with the same window. */
  #renew(): void {
    if (++this.#streams > mostStreams) throw failure(`more than ${mostStreams} last blocks`);
    this.#hasEnded = false;
    if (this.#stream === undefined) return;
    this.#stream.reset();
    this.#prime(this.#stream);
  }

  /** Makes a stream with the state of the one that was freed. */
  #open(): OpenStream {
    const options = { windowBits: this.#windowBits, chunkSize };
    const stream = new OpenStream(this.#zlib.createInflateRaw(options));
    this.#prime(stream);
    if (this.#beginning !== undefined) this.#goThroughAgain(stream, this.#beginning);
    return stream;
  }

  /** Gives a new stream the window, as a stored block whose output is dropped. */
  #prime(stream: OpenStream): void {
    if (this.#history.size === 0) return;
    scratch ??= new Uint8Array(scratchSize);
    windowBlock ??= new Uint8Array(storedHeaderSize + windowSize(15));
    const size = this.#history.writeBlock(windowBlock);
    stream.write(constants.Z_SYNC_FLUSH, windowBlock, 0, size, scratch, 0, scratch.length);
  }

  /** Brings a new stream to the place of an old one in the message. */
  #goThroughAgain(stream: OpenStream, beginning: Beginning): void {
    const { bytes, size } = beginning.payload;
    if (size === 0) return;
    scratch ??= new Uint8Array(scratchSize);
    beginning.goThroughAgain();
    let at = 0;
    do {
      stream.write(constants.Z_SYNC_FLUSH, bytes, at, size, scratch, 0, this.#mostRoom);
      if (stream.error !== undefined) throw failure(stream.error);
      beginning.addMade(scratch, 0, this.#mostRoom - stream.roomLeft);
      at = size - stream.inputLeft;
    } while (stream.roomLeft === 0);
    if (beginning.isTooMuch) this.#settle();
  }
}

function failure(said?: string): ProtocolError {
  return new ProtocolError("INVALID_DEFLATE", said === undefined ? {} : { cause: said });
}

/** Gives the last four bytes so far, as an int32. */
function lastFourOf(before: number, bytes: Uint8Array, start: number, end: number): number {
  let four = before;
  for (let at = Math.max(start, end - 4); at < end; at++) four = (four << 8) | bytes[at]!;
  return four;
}
