/**
 * DEFLATE on zlib streams that stay open, called synchronously: a microsecond or two for a small message.
 *
 * No runtime documents such a call, and all three have it: the one that their own streams and one-shot calls are built
 * on. `zlib.ts` tries it before it is used.
 *
 * @module
 */

import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { checkSpan } from "../../src/arguments.ts";
import { noBytes } from "../../src/bytes.ts";
import { ProtocolError } from "../../src/errors.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { DeflaterSettings, Inflater, InflaterSettings } from "../../src/flate/engine.ts";
import { History, storedHeaderSize } from "../../src/flate/history.ts";
import { windowSize } from "../../src/flate/parameters.ts";
import { Beginning, mostToGoThrough } from "./beginning.ts";
import { behindEmptyBlocks, deflaterMemory, endOf, inflaterMemory, smallWindow } from "./format.ts";
import { SlicedDeflater, Slices } from "./slices.ts";

/** What lies below a stream of `node:zlib`. */
interface Handle {
  onerror: (message: string) => void;
  /** On Workers, in the place of the property. */
  setErrorHandler?(handler: (message: string) => void): void;
  writeSync(
    flush: number,
    bytes: Uint8Array,
    start: number,
    length: number,
    into: Uint8Array,
    at: number,
    room: number,
  ): unknown;
  reset(): void;
}

interface ZlibStream {
  readonly _handle: Handle;
  /** What the last call has left: room, and input. Deno up to 2.4 has none: there the call returns both, input first. */
  readonly _writeState?: Uint32Array;
  on(event: "error", listener: () => void): unknown;
  close(): void;
}

/** What makes zlib's streams. */
export interface Zlib {
  /** As `zlib.createDeflateRaw`. */
  createDeflateRaw(options: object): object;
  /** As `zlib.createInflateRaw`. */
  createInflateRaw(options: object): object;
}

const runtimesZlib: Zlib = { createDeflateRaw, createInflateRaw };

/** Bytes of a stream's own buffer, which is never used: the least that zlib's streams take. Their default is 16 KiB. */
const chunkSize = 64;

/** Closes the streams of those who have forgotten it: Deno does not free them, even where nobody has them any more. */
let forgotten: FinalizationRegistry<ZlibStream> | undefined;

/** An open stream of zlib. After an error or `close` nothing may be called: Node ends the process for it. */
export class OpenStream {
  readonly #stream: ZlibStream;
  readonly #handle: Handle;
  readonly #state: Uint32Array;
  readonly #hasOwnState: boolean;
  readonly #fault: { message: string | undefined };

  constructor(stream: object) {
    const fault: { message: string | undefined } = { message: undefined };
    this.#stream = stream as ZlibStream;
    this.#handle = this.#stream._handle;
    this.#hasOwnState = this.#stream._writeState === undefined;
    this.#state = this.#stream._writeState ?? new Uint32Array(2);
    this.#fault = fault;
    // In the place of the stream's own, which would destroy it and tell nobody. It must not hold on to `this`.
    const onError = (message: string): void => {
      fault.message = message;
    };
    if (this.#handle.setErrorHandler === undefined) this.#handle.onerror = onError;
    else this.#handle.setErrorHandler(onError);
    forgotten ??= new FinalizationRegistry(closeStream);
    forgotten.register(this, this.#stream, this);
  }

  /** What zlib says of the input, where it is wrong. */
  get error(): string | undefined {
    return this.#fault.message;
  }

  /** Bytes of room that the last call has left. */
  get roomLeft(): number {
    return this.#state[0]!;
  }

  /** Bytes of input that the last call has left. */
  get inputLeft(): number {
    return this.#state[1]!;
  }

  /** Takes `bytes[start, end)`, and writes to `into[at]` and behind. */
  write(
    flush: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    into: Uint8Array,
    at: number,
    room: number,
  ): void {
    const left = this.#handle.writeSync(flush, bytes, start, end - start, into, at, room);
    if (this.#hasOwnState) this.#keepState(left);
  }

  /** What wrong input has left is of no use to anybody, and is not told. */
  #keepState(left: unknown): void {
    if (!Array.isArray(left)) return;
    this.#state[0] = left[1] as number;
    this.#state[1] = left[0] as number;
  }

  reset(): void {
    this.#handle.reset();
  }

  close(): void {
    forgotten!.unregister(this);
    closeStream(this.#stream);
  }
}

function closeStream(stream: ZlibStream): void {
  stream.close();
}

/** zlib writes its flush marker again and again where it finds less room than this. */
const leastRoom = 64;

/** Compresses on an open stream. */
export class OpenDeflater extends SlicedDeflater {
  readonly #settings: DeflaterSettings;
  readonly #zlib: Zlib;
  #stream: OpenStream | undefined;
  /** Whether all that was written ends on a byte's border, by a flush. */
  #isFlushed = true;
  /** What was still in the stream when it was freed in the middle of a message: the next to go. */
  #held: Uint8Array = noBytes;

  constructor(settings: DeflaterSettings, sliceSize: number, zlib: Zlib = runtimesZlib) {
    super(deflaterMemory(settings), sliceSize);
    this.#settings = settings;
    this.#zlib = zlib;
  }

  protected forget(): void {
    this.#stream?.reset();
    this.#isFlushed = true;
    this.#held = noBytes;
  }

  /** Frees the stream after a flush: the message may go on in another stream, with an empty window. */
  rest(): void {
    if (!this.#isFlushed && this.#stream?.error === undefined) {
      const into = new BoundedBuffer();
      this.#run(constants.Z_SYNC_FLUSH, noBytes, 0, 0, into);
      this.#held = into.take();
      this.#isFlushed = true;
    }
    this.free();
  }

  protected free(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  protected compress(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): void {
    if (this.#held.length > 0) {
      into.add(this.#held, 0, this.#held.length);
      this.#held = noBytes;
    }
    const isSmall = this.#settings.windowBits < smallWindow.bits;
    if (isSmall) {
      // No distance reaches over a full flush, so that none is longer than the window (see smallWindow).
      for (let at = start; at < end; at += smallWindow.piece) {
        this.#run(constants.Z_FULL_FLUSH, bytes, at, Math.min(at + smallWindow.piece, end), into);
      }
    } else if (start < end) {
      const flush = isLast ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH;
      this.#run(flush, bytes, start, end, into);
    } else if (isLast && !this.#isFlushed) {
      this.#run(constants.Z_SYNC_FLUSH, bytes, start, end, into);
    }
    if (isLast) endOf(into, start < end || !this.#isFlushed);
    this.#isFlushed = isLast || isSmall || (start === end && this.#isFlushed);
  }

  #run(flush: number, bytes: Uint8Array, start: number, end: number, into: BoundedBuffer): void {
    const stream = (this.#stream ??= this.#open());
    let at = start;
    do {
      const room = into.room(Math.max(leastRoom, (end - at) >> 2));
      stream.write(flush, bytes, at, end, into.bytes, into.size, room);
      if (stream.error !== undefined) throw new Error(`zlib failed: ${stream.error}`);
      into.commit(room - stream.roomLeft);
      at = end - stream.inputLeft;
    } while (stream.roomLeft === 0);
  }

  #open(): OpenStream {
    const { windowBits, level, memLevel } = this.#settings;
    // zlib would widen an 8-bit window by itself, and in silence.
    const bits = Math.max(windowBits, smallWindow.bits);
    const options = { windowBits: bits, level, memLevel, chunkSize };
    return new OpenStream(this.#zlib.createDeflateRaw(options));
  }
}

/** The end of a payload that was taken off it, and a byte that must be left over behind it (RFC 7692, 7.2.2). */
const tail = /* @__PURE__ */ Uint8Array.of(0, 0, 0xff, 0xff, 0);
/** An empty stored block and such a byte: for a payload that has its end still. */
const emptyBlock = /* @__PURE__ */ Uint8Array.of(0, 0, 0, 0xff, 0xff, 0);

const scratchSize = 64 * 1024;
/** Where goes what nobody wants: made at the first use, as is the next. */
let scratch: Uint8Array | undefined;
/** Where a window is put together for a stream: a new array each time would cost more than all else that is done with it. */
let windowBlock: Uint8Array | undefined;

/** Streams that are begun within one message, behind last blocks (BFINAL): each costs a microsecond or a few. */
const mostStreams = 1024;

/** Bytes of output that cost about as much as a byte of input to be compressed. */
const outputFactor = 8;

/** Decompresses on an open stream. */
export class OpenInflater implements Inflater {
  readonly memory: number;
  readonly #zlib: Zlib;
  readonly #windowBits: number;
  /**
   * zlib finds out a distance that is too far where the bytes are no longer in its window; what one call puts out counts
   * as being there. So a call gets no more room than a small window has bytes: a distance of twice the window is refused
   * always, a shorter one that is still too far mostly.
   */
  readonly #mostRoom: number;
  readonly #history: History;
  readonly #mostWork: number;
  readonly #slices = new Slices();
  #stream: OpenStream | undefined;
  /**
   * Whether a last block (BFINAL) came last, or empty blocks behind one: a stream with the same window begins (RFC 7692,
   * 7.2.3.4) where others come, and not before.
   */
  #hasEnded = false;
  /** What of the message under way brings a new stream to where this one is. */
  #beginning: Beginning | undefined;
  /** Whether it has bytes, its last four, and streams that were begun in it. */
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
    // zlib's own call would end the process.
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

  /** @param at What {@link #feed} gave. */
  #afterFeed(bytes: Uint8Array, at: number, end: number, isLast: boolean): boolean {
    if (at < 0) {
      // What the stream holds back would not come again.
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
   * @returns `end`; or, where it has done enough for one turn, the bitwise complement of the index where it goes on.
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
      // One byte past the limit is enough to pass it.
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
        // Room and input are left: a last block (BFINAL).
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

  /** Keeps the window up to date from now on, in the place of what leads to it. */
  #settle(): void {
    this.#beginning?.moveTo(this.#history);
    this.#dropBeginning();
  }

  #dropBeginning(): void {
    this.#beginning?.free();
    this.#beginning = undefined;
  }

  /** The stream has come to a last block: between bytes, so that nothing but the window leads to here. */
  #end(): void {
    this.#hasEnded = true;
    this.#beginning?.moveTo(this.#history);
  }

  /** Sees to it that the message ends where a block does. */
  #finish(): void {
    if (!this.#isEmpty && !this.#hasEnded) {
      const stream = (this.#stream ??= this.#open());
      // "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message" (RFC 7692, 7.2.2). Where a
      // sender has left them there, they end a block already; taken off, the last byte's upper bits are zero.
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

  /** Goes on in a stream that has ended, with the same window. */
  #renew(): void {
    if (++this.#streams > mostStreams) throw failure(`more than ${mostStreams} last blocks`);
    this.#hasEnded = false;
    if (this.#stream === undefined) return;
    this.#stream.reset();
    this.#prime(this.#stream);
  }

  /** Makes a stream that has what went before. */
  #open(): OpenStream {
    const options = { windowBits: this.#windowBits, chunkSize };
    const stream = new OpenStream(this.#zlib.createInflateRaw(options));
    this.#prime(stream);
    if (this.#beginning !== undefined) this.#goThroughAgain(stream, this.#beginning);
    return stream;
  }

  /** Brings the window to a new stream, as a stored block whose bytes go nowhere. */
  #prime(stream: OpenStream): void {
    if (this.#history.size === 0) return;
    scratch ??= new Uint8Array(scratchSize);
    windowBlock ??= new Uint8Array(storedHeaderSize + windowSize(15));
    const size = this.#history.writeBlock(windowBlock);
    stream.write(constants.Z_SYNC_FLUSH, windowBlock, 0, size, scratch, 0, scratch.length);
  }

  /** Brings a new stream to where another one was in the message. */
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

/** Gives the last four bytes of what has come so far, as an int32. */
function lastFourOf(before: number, bytes: Uint8Array, start: number, end: number): number {
  let four = before;
  for (let at = Math.max(start, end - 4); at < end; at++) four = (four << 8) | bytes[at]!;
  return four;
}
