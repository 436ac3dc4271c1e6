/**
 * A buffer that grows with its content, up to a limit.
 *
 * @module
 */

import { checkBytes, checkSpan } from "../arguments.ts";
import { copy, copyOf, noBytes } from "../bytes.ts";
import { LimitError } from "../errors.ts";

const smallest = 1024;

/**
 * Takes the output of a transform: `bytes[0, size)`.
 *
 * To fill it, call {@link room} for space, write to `bytes` from `size` on, and say how much by {@link commit}. So the limit
 * holds whatever a peer's message expands to, and memory grows only with the output.
 */
export class BoundedBuffer {
  /** The buffer. When it grows, another array takes its place. */
  bytes: Uint8Array;
  /** Bytes that are filled. */
  size = 0;
  /** Bytes that were filled and then cleared, since the last {@link reset}. */
  cleared = 0;
  /**
   * Bytes that may be filled in all, cleared ones included; {@link commit} throws beyond it. Set a number: the value is not
   * checked.
   */
  limit: number = Infinity;

  /**
   * Makes an empty buffer.
   *
   * @param limit Bytes that it may hold in all. Default: Infinity.
   * @param buffer Filled first, if it is large enough. It is lent to this object as long as the object is used.
   * @throws {TypeError} `buffer` is no Uint8Array.
   * @throws {RangeError} `limit` is no number, or is NaN, which would be no limit.
   */
  constructor(limit: number = Infinity, buffer: Uint8Array = noBytes) {
    checkBytes("buffer", buffer);
    this.bytes = buffer;
    this.reset(limit);
  }

  /**
   * Makes room behind the filled bytes.
   *
   * @param least Bytes needed, a whole number from 1 on; it is not checked. Beyond the limit there may be room for one byte only:
   * it is enough to find out that the limit is exceeded.
   * @returns Bytes that may be written, from `bytes[size]` on.
   */
  room(least: number): number {
    const free = this.bytes.length - this.size;
    if (free < least) this.#grow(this.size + least);
    return this.bytes.length - this.size;
  }

  /**
   * Says that `count` more bytes are filled.
   *
   * @param count A whole number from 0 to the result of {@link room}; it is not checked.
   * @throws {LimitError} `MESSAGE_TOO_BIG`
   */
  commit(count: number): void {
    this.size += count;
    const whole = this.cleared + this.size;
    // Written as a negation so that a `limit` of NaN fails as well.
    if (!(whole <= this.limit)) throw new LimitError("MESSAGE_TOO_BIG", this.limit, whole);
  }

  /**
   * Adds a copy of `source[start, end)`.
   *
   * @throws {TypeError} `source` is no Uint8Array or is detached, or `start` or `end` is no number.
   * @throws {RangeError} `start` or `end` is not within `source`: nothing has happened then.
   * @throws {LimitError} `MESSAGE_TOO_BIG`
   */
  add(source: Uint8Array, start: number, end: number): void {
    checkSpan(source, start, end, "source");
    this.room(end - start);
    copy(this.bytes, this.size, source, start, end);
    this.commit(end - start);
  }

  /** Bytes that may still be filled: 0 when the limit is reached or exceeded. */
  get left(): number {
    return Math.max(this.limit - this.cleared - this.size, 0);
  }

  /** Empties the buffer after its content has been read. The cleared bytes still count towards the limit. */
  clear(): void {
    this.cleared += this.size;
    this.size = 0;
  }

  /** Begins again with the same buffer. @throws {RangeError} `limit` is no number, or is NaN. */
  reset(limit: number): void {
    // NaN, null and strings all differ from their numbers.
    if (limit !== Number(limit)) throw new RangeError(`limit must be a number: ${limit}`);
    this.limit = limit;
    this.cleared = 0;
    this.size = 0;
  }

  /** Gives the content as a new array, which the caller owns, and drops the buffer. */
  take(): Uint8Array {
    // A copy even if the buffer is full: the buffer may be a lent one.
    const taken = copyOf(this.bytes, 0, this.size);
    this.bytes = noBytes;
    this.clear();
    return taken;
  }

  /** Doubles the buffer, so that copying costs little, but not far beyond the limit, where nothing can be filled. */
  #grow(least: number): void {
    const most = this.limit - this.cleared + 1;
    const grown = new Uint8Array(
      Math.max(least, Math.min(Math.max(2 * this.bytes.length, smallest), most)),
    );
    copy(grown, 0, this.bytes, 0, this.size);
    this.bytes = grown;
  }
}
