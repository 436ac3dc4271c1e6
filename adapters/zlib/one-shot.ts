/**
 * DEFLATE with zlib's documented calls. Each call begins with an empty state, so that it gets the window as an argument. For
 * runtimes without another way; for small messages ten to twenty times as slow as {@link OpenDeflater}.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { constants, deflateRawSync, inflateRaw, inflateRawSync } from "node:zlib";
import { checkSpan } from "../../src/arguments.ts";
import { concat, copy, noBytes } from "../../src/bytes.ts";
import { LimitError, ProtocolError } from "../../src/errors.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { DeflaterSettings, Inflater, InflaterSettings } from "../../src/flate/engine.ts";
import { History, storedHeaderSize } from "../../src/flate/history.ts";
import { windowSize } from "../../src/flate/parameters.ts";
import { behindEmptyBlocks, endOf, smallWindow } from "./format.ts";
import { SlicedDeflater } from "./slices.ts";

/** The functions of `node:zlib` that are used. */
export interface OneShotZlib {
  /** As `zlib.deflateRawSync`. */
  deflateRawSync(bytes: Uint8Array, options: object): Uint8Array;
  /** As `zlib.inflateRawSync`. */
  inflateRawSync(bytes: Uint8Array, options: object): object;
  /** As `zlib.inflateRaw`. */
  inflateRaw(
    bytes: Uint8Array,
    options: object,
    done: (error: Error | null, result: object) => void,
  ): void;
}

const runtimesZlib: OneShotZlib = { deflateRawSync, inflateRawSync, inflateRaw };

/** Compresses with one call for each message, or for each slice of one. */
export class OneShotDeflater extends SlicedDeflater {
  readonly #zlib: OneShotZlib;
  readonly #settings: DeflaterSettings;
  /** Undefined if the runtime's call takes no dictionary: then messages refer to no earlier ones, which is legal. */
  readonly #history: History | undefined;

  constructor(
    settings: DeflaterSettings,
    sliceSize: number,
    takesDictionary: boolean,
    zlib: OneShotZlib = runtimesZlib,
  ) {
    const isSmall = settings.windowBits < smallWindow.bits;
    const keeps = takesDictionary && !isSmall;
    // Between messages it holds only the copy of the window.
    super(keeps ? windowSize(settings.windowBits) : 0, sliceSize);
    this.#zlib = zlib;
    this.#settings = settings;
    this.#history = keeps ? new History(this.memory) : undefined;
  }

  protected forget(): void {
    this.#history?.clear();
  }

  rest(): void {
    this.forget();
  }

  protected free(): void {
    this.forget();
  }

  /** Compresses a piece. A flush ends each piece, so that together they form one stream. */
  protected compress(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): void {
    const isSmall = this.#settings.windowBits < smallWindow.bits;
    const size = isSmall ? smallWindow.piece : end - start;
    for (let at = start; at < end; at += size) {
      const piece = bytes.subarray(at, Math.min(at + size, end));
      const made = this.#zlib.deflateRawSync(piece, this.#options());
      into.add(made, 0, made.length);
      this.#history?.add(piece, 0, piece.length);
    }
    if (isLast) endOf(into, start < end);
  }

  #options(): object {
    const { windowBits, level, memLevel } = this.#settings;
    const options = {
      windowBits: Math.max(windowBits, smallWindow.bits),
      level,
      memLevel,
      finishFlush: constants.Z_SYNC_FLUSH,
    };
    const size = this.#history?.size ?? 0;
    return size === 0 ? options : { ...options, dictionary: this.#history!.bytes() };
  }
}

/** The bytes that the receiver appends to a payload (RFC 7692, 7.2.2), and a last block, which a call must reach. */
const tail = /* @__PURE__ */ Uint8Array.of(0, 0, 0xff, 0xff);
const lastBlock = /* @__PURE__ */ Uint8Array.of(1, 0, 0, 0xff, 0xff);

/** Bytes of output that are made in one turn of the event loop; larger output is made on another thread. */
const mostAtOnce = 512 * 1024;

/** Last blocks inside one message, at most; each costs a call. */
const mostStreams = 1024;

/** Bytes of output above which a runtime may refuse a limit; above it the runtime has its own limit. */
const mostToLimit = 2 ** 31;

/** The result of a call with `info`. */
interface Inflated {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/** Decompresses with one call for each message. */
export class OneShotInflater implements Inflater {
  readonly memory: number;
  readonly canRest = true;
  readonly #zlib: OneShotZlib;
  readonly #windowBits: number;
  readonly #history: History;
  readonly #gathered = new BoundedBuffer();
  // A message on which another thread works: the rest of its input, and its output so far.
  #rest: Uint8Array = noBytes;
  /** Bytes of the rest that this class has appended. */
  #suffix = 0;
  #streams = 0;
  /** The number of jobs begun on another thread or given up. The result of an older job is ignored. */
  #job = 0;
  #isRunning = false;
  #result: Inflated | undefined;
  #error: unknown;
  #task: (() => void) | undefined;

  constructor({ windowBits }: InflaterSettings, zlib: OneShotZlib = runtimesZlib) {
    this.#zlib = zlib;
    this.memory = windowSize(windowBits);
    this.#windowBits = windowBits;
    this.#history = new History(this.memory);
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
    if (!isLast) {
      this.#gathered.add(bytes, start, end);
      return true;
    }
    if (this.#gathered.size === 0) {
      this.#rest = bytes.subarray(start, end);
    } else {
      this.#gathered.add(bytes, start, end);
      this.#rest = this.#gathered.take();
    }
    this.#streams = 0;
    if (this.#rest.length === 0) return true;
    const isWhole = endsWith(this.#rest, tail);
    const suffix = isWhole ? lastBlock : concat([tail, lastBlock]);
    this.#rest = concat([this.#rest, suffix]);
    this.#suffix = suffix.length;
    return this.#run(into);
  }

  goOn(into: BoundedBuffer): boolean {
    this.#isRunning = false;
    const result = this.#result;
    this.#result = undefined;
    if (result === undefined) throw this.#failure(this.#error, into);
    return this.#take(result, into) || this.#run(into);
  }

  whenReady(task: () => void): void {
    this.#task = task;
    if (!this.#isRunning) this.#callLater();
  }

  reset(): void {
    this.#job++;
    this.#isRunning = false;
    this.#task = undefined;
    this.#result = undefined;
    this.#rest = noBytes;
    this.#history.clear();
    this.#gathered.take();
  }

  rest(): void {}

  close(): void {
    this.reset();
  }

  /** Calls the task later, unless it is removed before. */
  #callLater(): void {
    const job = this.#job;
    setImmediate(() => {
      if (job === this.#job) this.#call();
    });
  }

  #call(): void {
    const task = this.#task;
    this.#task = undefined;
    task?.();
  }

  /** Decompresses the rest, on this thread if that is quick. @returns Whether the message is done. */
  #run(into: BoundedBuffer): boolean {
    for (;;) {
      const input = this.#behindWindow(this.#rest);
      if (input.length > mostAtOnce) return this.#runElsewhere(input, into);
      let result: Inflated;
      try {
        result = this.#inflate(input, Math.min(into.left, mostAtOnce));
      } catch (error) {
        if (!isTooLarge(error)) throw this.#failure(error, into);
        if (into.left <= mostAtOnce) throw this.#failure(error, into);
        return this.#runElsewhere(input, into);
      }
      if (this.#take(result, into)) return true;
    }
  }

  /** Puts the window in front of bytes; an empty window adds nothing. */
  #behindWindow(bytes: Uint8Array): Uint8Array {
    const { size } = this.#history;
    if (size === 0) return bytes;
    const whole = new Uint8Array(storedHeaderSize + size + bytes.length);
    copy(whole, this.#history.writeBlock(whole), bytes, 0, bytes.length);
    return whole;
  }

  #inflate(input: Uint8Array, most: number): Inflated {
    return this.#zlib.inflateRawSync(input, this.#options(most)) as unknown as Inflated;
  }

  #options(most: number): object {
    const maxOutputLength = this.#history.size + most;
    return {
      windowBits: this.#windowBits,
      // As much room as the window has bytes, so that a distance that is too far is noticed: see OpenInflater.
      chunkSize: windowSize(this.#windowBits),
      info: true,
      // At least one byte, since a runtime reads 0 as no limit.
      ...(maxOutputLength > mostToLimit ? {} : { maxOutputLength: Math.max(maxOutputLength, 1) }),
    };
  }

  #runElsewhere(input: Uint8Array, into: BoundedBuffer): boolean {
    this.#isRunning = true;
    const job = ++this.#job;
    this.#zlib.inflateRaw(input, this.#options(into.left), (error, result) => {
      if (job !== this.#job) return;
      this.#error = error;
      this.#result = error === null ? (result as unknown as Inflated) : undefined;
      this.#isRunning = false;
      this.#call();
    });
    return false;
  }

  /**
   * Takes the output of a call.
   *
   * @returns Whether the call reached the end; false if it stopped at a last block of the peer, with more input behind it.
   */
  #take({ buffer, engine }: Inflated, into: BoundedBuffer): boolean {
    const before = this.#history.size;
    const prefix = before === 0 ? 0 : before + storedHeaderSize;
    const left = this.#leftBehind(engine.bytesWritten - prefix);
    // At the last block that was appended; or at one of the peer's, which ends before the appended bytes, or at the end of the
    // tail.
    const isAtEnd = left === 0 || left === lastBlock.length || left === this.#suffix;
    if (isAtEnd && endsWith(buffer, tail) && this.#isSwallowed(buffer.length)) throw invalid();
    this.#history.add(buffer, before, buffer.length);
    into.add(buffer, before, buffer.length);
    this.#rest = isAtEnd ? noBytes : this.#rest.subarray(this.#rest.length - left);
    if (!isAtEnd && ++this.#streams > mostStreams) throw invalid();
    return isAtEnd;
  }

  /** Gives the bytes behind the first `taken` ones, without empty blocks that follow a last block of the peer. */
  #leftBehind(taken: number): number {
    const { length } = this.#rest;
    return length - behindEmptyBlocks(this.#rest, taken, Math.max(taken, length - this.#suffix));
  }

  /**
   * Tells whether the appended bytes were read as bytes of a stored block that was cut off: then the output is shorter without
   * them. It costs another call, and is called only if a message ends like that, which is rare otherwise.
   */
  #isSwallowed(made: number): boolean {
    const payload = this.#rest.subarray(0, this.#rest.length - this.#suffix);
    const options = { windowBits: this.#windowBits, finishFlush: constants.Z_SYNC_FLUSH };
    const { length } = this.#zlib.inflateRawSync(
      this.#behindWindow(payload),
      options,
    ) as Uint8Array;
    return length < made;
  }

  #failure(error: unknown, into: BoundedBuffer): Error {
    if (isTooLarge(error)) {
      return new LimitError("MESSAGE_TOO_BIG", into.limit, into.limit + 1);
    }
    const { message } = error as Error;
    return invalid({ cause: message });
  }
}

function invalid(options?: ErrorOptions): ProtocolError {
  return new ProtocolError("INVALID_DEFLATE", options);
}

/** Tells whether a call has stopped at its `maxOutputLength`. */
export function isTooLarge(error: unknown): boolean {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  // Workers give no code for it.
  return code === "ERR_BUFFER_TOO_LARGE" || message === "Memory limit exceeded";
}

function endsWith(bytes: Uint8Array, end: Uint8Array): boolean {
  const at = bytes.length - end.length;
  return at >= 0 && end.every((byte, i) => bytes[at + i] === byte);
}
