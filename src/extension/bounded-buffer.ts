/**
 * A buffer that grows with what is put into it, up to a limit and not a byte further.
 *
 * @module
 */

import { checkBytes, checkSpan } from "../arguments.ts";
import { copy, copyOf, noBytes } from "../bytes.ts";
import { LimitError } from "../errors.ts";

const smallest = 1024;

/**
 * Where a transform puts what it makes: `bytes[0, size)`.
 *
 * To fill it, a caller asks {@link room} for space, writes to `bytes` from `size` on, and says how much by {@link commit}:
 * so the limit holds whatever a peer's message turns into, and memory follows what was made.
 */
export class BoundedBuffer {
  /** The buffer; another one after it has grown. */
  bytes: Uint8Array;
  /** Bytes that are filled. */
  size = 0;
  /** Bytes that were filled and have been cleared away since the last {@link reset}. */
  cleared = 0;
  /**
   * Bytes that may be filled in all, those that were cleared away included; {@link commit} throws beyond it.
   * A number: what is set here is not looked at.
   */
  limit: number = Infinity;

  /**
   * Makes an empty buffer.
   *
   * @param limit Bytes that it may hold in all. Default: Infinity.
   * @param buffer Filled first, as long as it is large enough; lent as long as this is used.
   * @throws {TypeError} `buffer` is no Uint8Array.
   * @throws {RangeError} `limit` is no number, or NaN, which nothing is above.
   */
  constructor(limit: number = Infinity, buffer: Uint8Array = noBytes) {
    checkBytes("buffer", buffer);
    this.bytes = buffer;
    this.reset(limit);
  }

  /**
   * Makes room behind what is filled.
   *
   * @param least Bytes that are needed, a whole number from 1 on, which is not looked at. Past the limit one byte is enough, to
   * find out that it is passed.
   * @returns Bytes that may be written at `bytes[size]` and behind.
   */
  room(least: number): number {
    const free = this.bytes.length - this.size;
    if (free < least) this.#grow(this.size + least);
    return this.bytes.length - this.size;
  }

  /**
   * Says that `count` more bytes are filled.
   *
   * @param count A whole number from 0 to what {@link room} gave, which is not looked at.
   * @throws {LimitError} `MESSAGE_TOO_BIG`
   */
  commit(count: number): void {
    this.size += count;
    const whole = this.cleared + this.size;
    // The comparison is this way round so that a `limit` of NaN fails as well.
    if (!(whole <= this.limit)) throw new LimitError("MESSAGE_TOO_BIG", this.limit, whole);
  }

  /**
   * Adds a copy of `source[start, end)`.
   *
   * @throws {TypeError} `source` is no Uint8Array or is detached, or `start` or `end` is no number.
   * @throws {RangeError} `start` or `end` is not within it: nothing has happened then.
   * @throws {LimitError} `MESSAGE_TOO_BIG`
   */
  add(source: Uint8Array, start: number, end: number): void {
    checkSpan(source, start, end, "source");
    this.room(end - start);
    copy(this.bytes, this.size, source, start, end);
    this.commit(end - start);
  }

  /** Bytes that may still be filled: 0 where the limit is reached, or was passed. */
  get left(): number {
    return Math.max(this.limit - this.cleared - this.size, 0);
  }

  /** Makes room at the beginning, once what is filled has been read; it goes on counting towards the limit. */
  clear(): void {
    this.cleared += this.size;
    this.size = 0;
  }

  /** Begins anew, with the buffer that is there. @throws {RangeError} `limit` is no number, or NaN. */
  reset(limit: number): void {
    // NaN, null and texts are not equal to their numbers either.
    if (limit !== Number(limit)) throw new RangeError(`limit must be a number: ${limit}`);
    this.limit = limit;
    this.cleared = 0;
    this.size = 0;
  }

  /** Gives what is filled as an array of its own, yours; the buffer is gone afterwards. */
  take(): Uint8Array {
    // A copy also where all of it is filled: it may be one that was lent.
    const taken = copyOf(this.bytes, 0, this.size);
    this.bytes = noBytes;
    this.clear();
    return taken;
  }

  /** By twice, so that copying costs little; not far past the limit, which nothing can fill. */
  #grow(least: number): void {
    const most = this.limit - this.cleared + 1;
    const grown = new Uint8Array(
      Math.max(least, Math.min(Math.max(2 * this.bytes.length, smallest), most)),
    );
    copy(grown, 0, this.bytes, 0, this.size);
    this.bytes = grown;
  }
}
