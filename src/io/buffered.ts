/**
 * A stream with a read buffer in front: small reads cost no promise while their bytes are at hand.
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
  /** The read buffer itself; lent as long as the stream is used. Default: one of `size` bytes. */
  readonly buffer?: Uint8Array | undefined;
}

const defaultSize = 4096;
const smallestSize = 16;

/**
 * Reads through a buffer; writes go straight through, each whole, behind those before it.
 *
 * @example
 * const stream = new BufferedStream(conn);
 * const header = newHeader();
 * while (await readHeader(stream, header)) { ... }
 *
 * @see Go bufio.Reader
 */
export class BufferedStream implements ByteStream {
  /** The stream behind the buffer. What is read from it directly is missed here. */
  readonly inner: ByteStream;
  #buffer: Uint8Array;
  #start = 0;
  #end = 0;

  /** @throws {RangeError} A buffer of less than 16 bytes, which no frame's header fits into; a `size` that is no integer. */
  constructor(inner: ByteStream, { size = defaultSize, buffer }: BufferedOptions = {}) {
    if (buffer !== undefined) checkBytes("buffer", buffer);
    const length = buffer?.length ?? size;
    if (!Number.isInteger(length) || length < smallestSize) {
      throw new RangeError(`Buffer must have at least ${smallestSize} bytes: ${length}`);
    }
    this.inner = inner;
    this.#buffer = buffer ?? new Uint8Array(size);
  }

  /** Bytes at hand, which are read without waiting. */
  get buffered(): number {
    return this.#end - this.#start;
  }

  /** The read buffer; the bytes at hand lie from {@link start} to {@link end}, and may be changed there. */
  get bytes(): Uint8Array {
    return this.#buffer;
  }

  /** Index in {@link bytes} of the first byte at hand. */
  get start(): number {
    return this.#start;
  }

  /** Index in {@link bytes} after the last byte at hand. */
  get end(): number {
    return this.#end;
  }

  /** Takes `count` of the bytes at hand as read. @throws {RangeError} There are fewer, or it is no integer from 0 on. */
  consume(count: number): void {
    if (!Number.isInteger(count) || count < 0 || count > this.buffered) {
      throw new RangeError(
        `count must be an integer up to the ${this.buffered} bytes at hand: ${count}`,
      );
    }
    this.#start += count;
  }

  /**
   * Reads more behind the bytes at hand, which move to the start of the buffer.
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
    // A read as large as the buffer gains nothing by it.
    if (size >= this.#buffer.length) {
      const count = readOnce(this.inner, into);
      return count instanceof Promise ? count.then((read) => readCount(read, size)) : count;
    }
    const filled = this.fill();
    if (!(filled instanceof Promise)) return this.#take(into);
    // Where there is no room any more, what has come is for the next read.
    return filled.then((count) => (count === 0 ? 0 : this.#take(restOf("into", into, 0, size))));
  }

  #take(into: Uint8Array): number {
    const count = Math.min(into.length, this.#end - this.#start);
    copy(into, 0, this.#buffer, this.#start, this.#start + count);
    this.#start += count;
    return count;
  }

  /** Each write is whole, and in its order. */
  get writesWhole(): boolean {
    return true;
  }

  /**
   * Writes all of `from` to the stream behind, as one unit: nothing that this library writes there comes in between.
   *
   * @param from Lent until the call, or its promise, is done.
   * @returns `from.length`.
   * @throws What the stream behind throws; once a write has failed half done, all to come throw the same.
   */
  write(from: Uint8Array): Awaitable<number> {
    checkBytes("from", from);
    const { length } = from;
    return countOf(writeAll(this.inner, from), length);
  }

  close(): Awaitable<void> {
    return this.inner.close();
  }

  /** Takes over the buffer and the bytes at hand of another one, which is not used any more. For subclasses. */
  protected takeOver(other: BufferedStream): void {
    this.#buffer = other.#buffer;
    this.#start = other.#start;
    this.#end = other.#end;
  }
}
