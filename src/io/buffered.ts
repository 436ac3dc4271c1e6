/**
 * A stream with a read buffer in front: a small read makes no promise if its bytes are in the buffer.
 *
 * @module
 */

import { checkBytes } from "../arguments.ts";
import { copy } from "../bytes.ts";
import type { Awaitable, ByteStream } from "./byte-stream.ts";
import { countOf } from "./call-order.ts";
import { readCount, readOnce } from "./once.ts";
import { lentSize, restOf } from "./rest.ts";
import { writeAll } from "./write-all.ts";

/** Options of a {@link BufferedStream}. */
export interface BufferedOptions {
  /** Bytes of the read buffer, 16 or more. Default: 4096. */
  readonly size?: number | undefined;
  /** The read buffer itself; lent as long as the stream is used. Default: a new one of `size` bytes. */
  readonly buffer?: Uint8Array | undefined;
}

const defaultSize = 4096;
const smallestSize = 16;

/**
 * Reads through a buffer. Writes go directly to the stream behind, each as a whole and in order.
 *
 * @example
 * const stream = new BufferedStream(conn);
 * const header = newHeader();
 * while (await readHeader(stream, header)) { ... }
 *
 * @see Go bufio.Reader
 */
export class BufferedStream implements ByteStream {
  /** The stream behind the buffer. Bytes that other code reads from it do not reach this stream. */
  readonly inner: ByteStream;
  #buffer: Uint8Array;
  #start = 0;
  #end = 0;

  /** @throws {RangeError} The buffer has less than 16 bytes, too few for a frame's header; or `size` is no integer. */
  constructor(inner: ByteStream, { size = defaultSize, buffer }: BufferedOptions = {}) {
    if (buffer !== undefined) checkBytes("buffer", buffer);
    const length = buffer?.length ?? size;
    if (!Number.isInteger(length) || length < smallestSize) {
      throw new RangeError(`Buffer must have at least ${smallestSize} bytes: ${length}`);
    }
    this.inner = inner;
    this.#buffer = buffer ?? new Uint8Array(size);
  }

  /** Bytes in the buffer, which are read without waiting. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /** The read buffer; its unread bytes lie from {@link start} to {@link end}, and may be changed there. */
  get bytes(): Uint8Array {
    return this.#buffer;
  }

  /** Index in {@link bytes} of the first unread byte. */
  get start(): number {
    return this.#start;
  }

  /** Index in {@link bytes} after the last unread byte. */
  get end(): number {
    return this.#end;
  }

  /** Takes `count` bytes of the buffer as read. @throws {RangeError} It has fewer, or `count` is no integer from 0 on. */
  consume(count: number): void {
    if (!Number.isInteger(count) || count < 0 || count > this.buffered) {
      throw new RangeError(
        `count must be an integer up to the ${this.buffered} bytes that are buffered: ${count}`,
      );
    }
    this.#start += count;
  }

  /**
   * Reads more bytes behind the unread ones, which move to the start of the buffer.
   *
   * @returns Bytes read; 0 at the end of the stream.
   * @throws {RangeError} The buffer is full.
   */
  fill(): Awaitable<number> {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (this.#end === this.#buffer.length) throw new RangeError("Read buffer is full");
    const room = this.#end === 0 ? this.#buffer : this.#buffer.subarray(this.#end);
    const count = readOnce(this.inner, room);
    if (count instanceof Promise) {
      const size = room.length;
      return count.then((read) => this.#filled(readCount(read, size)));
    }
    return this.#filled(count);
  }

  #filled(count: number): number {
    this.#end += count;
    return count;
  }

  read(into: Uint8Array): Awaitable<number> {
    const size = lentSize("into", into);
    if (this.#end > this.#start || size === 0) return this.#take(into);
    // A read as large as the buffer gains nothing from the buffer.
    if (size >= this.#buffer.length) {
      const count = readOnce(this.inner, into);
      return count instanceof Promise ? count.then((read) => readCount(read, size)) : count;
    }
    const filled = this.fill();
    if (!(filled instanceof Promise)) return this.#take(into);
    // If `into` has lost its room meanwhile, the bytes stay in the buffer for the next read.
    return filled.then((count) => (count === 0 ? 0 : this.#take(restOf("into", into, 0, size))));
  }

  #take(into: Uint8Array): number {
    const count = Math.min(into.length, this.#end - this.#start);
    copy(into, 0, this.#buffer, this.#start, this.#start + count);
    this.#start += count;
    return count;
  }

  /** true: each write writes all its bytes, in the order of the calls. */
  get writesWhole(): boolean {
    return true;
  }

  /**
   * Writes all of `from` to the stream behind, as one unit: no other write of this library to that stream comes in between.
   *
   * @param from Lent until the call, or its promise, is done.
   * @returns `from.length`.
   * @throws The error of the stream behind. After a write that failed halfway, every later write throws the same error.
   */
  write(from: Uint8Array): Awaitable<number> {
    checkBytes("from", from);
    const { length } = from;
    return countOf(writeAll(this.inner, from), length);
  }

  close(): Awaitable<void> {
    return this.inner.close();
  }

  /** Takes over the buffer of another stream with its unread bytes; that stream must not be used any more. For subclasses. */
  protected takeOver(other: BufferedStream): void {
    this.#buffer = other.#buffer;
    this.#start = other.#start;
    this.#end = other.#end;
  }
}
