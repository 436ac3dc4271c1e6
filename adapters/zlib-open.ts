/**
 * DEFLATE on zlib streams that stay open, called synchronously: a microsecond or two for a small message.
 *
 * No runtime documents such a call, and all three have it: the one that their own streams and one-shot calls are built
 * on. `zlib.ts` tries it before it is used.
 *
 * @module
 */

import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { ProtocolError } from "../src/errors.ts";
import type { Growing } from "../src/extension/growing.ts";
import type { DeflaterSettings, Inflater, InflaterSettings } from "../src/flate/engine.ts";
import { History, storedBlock } from "../src/flate/history.ts";
import { windowSize } from "../src/flate/parameters.ts";
import { deflaterMemory, endOf, inflaterMemory, smallWindow } from "./zlib-format.ts";
import { SlicedDeflater, Slices } from "./zlib-slices.ts";

/** What lies below a stream of `node:zlib`. */
interface Handle {
  onerror: (message: string) => void;
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
  /** What the last call has left: room, and input. */
  readonly _writeState: Uint32Array;
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

/** Of a stream's own buffer, which is never used: the least that zlib's streams take, in the place of 16 KiB. */
const chunkSize = 64;

/** Closes the streams of those who have forgotten it: Deno does not free them, even where nobody has them any more. */
let forgotten: FinalizationRegistry<ZlibStream> | undefined;

/** An open stream of zlib. After an error or `close` nothing may be called: Node ends the process for it. */
export class OpenStream {
  readonly #stream: ZlibStream;
  readonly #handle: Handle;
  readonly #state: Uint32Array;
  readonly #fault: { message: string | undefined };

  constructor(stream: object) {
    const fault: { message: string | undefined } = { message: undefined };
    this.#stream = stream as ZlibStream;
    this.#handle = this.#stream._handle;
    this.#state = this.#stream._writeState;
    this.#fault = fault;
    // In the place of the stream's own, which would destroy it and tell nobody. It must not hold on to `this`.
    this.#handle.onerror = (message) => {
      fault.message = message;
    };
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
    this.#handle.writeSync(flush, bytes, start, end - start, into, at, room);
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

  constructor(settings: DeflaterSettings, sliceSize: number, zlib: Zlib = runtimesZlib) {
    super(deflaterMemory(settings), sliceSize);
    this.#settings = settings;
    this.#zlib = zlib;
  }

  protected forget(): void {
    this.#stream?.reset();
    this.#isFlushed = true;
  }

  rest(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  protected compress(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: Growing,
  ): void {
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

  #run(flush: number, bytes: Uint8Array, start: number, end: number, into: Growing): void {
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

/** Where goes what nobody wants: made at the first use. */
let scratch: Uint8Array | undefined;

/** Streams that one message may end inside it (BFINAL): each costs some microseconds for two bytes of the peer's. */
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
  /** Of the message under way: whether it has bytes, its last four, and streams that ended in it. */
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

  inflate(bytes: Uint8Array, start: number, end: number, isLast: boolean, into: Growing): boolean {
    if (start < end) {
      this.#isEmpty = false;
      this.#lastFour = lastFourOf(this.#lastFour, bytes, start, end);
    }
    const at = start < end ? this.#feed(bytes, start, end, into) : end;
    return this.#afterFeed(bytes, at, end, isLast);
  }

  goOn(into: Growing): boolean {
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
    this.#beginMessage();
  }

  rest(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  close(): void {
    this.#slices.drop();
    this.rest();
  }

  #beginMessage(): void {
    this.#isEmpty = true;
    this.#lastFour = 0;
    this.#streams = 0;
  }

  /** @param at What {@link #feed} gave. */
  #afterFeed(bytes: Uint8Array, at: number, end: number, isLast: boolean): boolean {
    if (at < 0) {
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
  #feed(bytes: Uint8Array, start: number, end: number, into: Growing): number {
    let at = start;
    let work = 0;
    for (;;) {
      const stream = (this.#stream ??= this.#open());
      // One byte past the limit is enough to pass it.
      const most = Math.min(this.#mostRoom, into.left + 1);
      const room = Math.min(into.room(Math.min(most, leastRoom)), most);
      stream.write(constants.Z_SYNC_FLUSH, bytes, at, end, into.bytes, into.size, room);
      if (stream.error !== undefined) throw failure(stream.error);
      const made = room - stream.roomLeft;
      this.#history.add(into.bytes, into.size, into.size + made);
      into.commit(made);
      at = end - stream.inputLeft;
      work += made;
      if (stream.roomLeft > 0) {
        if (stream.inputLeft === 0) return end;
        // Room and input are left: a last block (BFINAL). Others may follow.
        this.#renew();
        work += this.memory;
      }
      if (work >= this.#mostWork) return ~at;
    }
  }

  /** Sees to it that the message ends where a block does. */
  #finish(): void {
    if (!this.#isEmpty) {
      const stream = (this.#stream ??= this.#open());
      // "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message" (RFC 7692, 7.2.2). Where a
      // sender has left them there, they end a block already; taken off, the last byte's upper bits are zero.
      const end = this.#lastFour === 0x0000ffff ? emptyBlock : tail;
      scratch ??= new Uint8Array(64 * 1024);
      const room = 64;
      stream.write(constants.Z_BLOCK, end, 0, end.length, scratch, 0, room);
      if (stream.error !== undefined) throw failure(stream.error);
      if (stream.inputLeft === end.length) this.#renew();
      else if (stream.inputLeft !== 1 || stream.roomLeft !== room) throw failure();
    }
    this.#beginMessage();
  }

  /** Goes on in a stream that has ended, with the same window (RFC 7692, 7.2.3.4). */
  #renew(): void {
    if (++this.#streams > mostStreams) throw failure(`more than ${mostStreams} last blocks`);
    this.#stream!.reset();
    this.#prime(this.#stream!);
  }

  #open(): OpenStream {
    const options = { windowBits: this.#windowBits, chunkSize };
    const stream = new OpenStream(this.#zlib.createInflateRaw(options));
    this.#prime(stream);
    return stream;
  }

  /** Brings the window to a new stream, as a stored block whose bytes go nowhere. */
  #prime(stream: OpenStream): void {
    if (this.#history.size === 0) return;
    scratch ??= new Uint8Array(64 * 1024);
    const block = storedBlock(this.#history.bytes());
    stream.write(constants.Z_SYNC_FLUSH, block, 0, block.length, scratch, 0, scratch.length);
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
