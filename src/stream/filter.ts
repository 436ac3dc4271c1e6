/**
 * Streams over streams: they mask the bytes that pass, or check that they are UTF-8.
 *
 * @module
 */

import { checkBytes } from "../arguments.ts";
import { ProtocolError } from "../errors.ts";
import { cipher, cipherInto } from "../frame/cipher.ts";
import { Utf8Validator } from "../frame/utf8.ts";
import type { Awaitable, ByteReader, ByteWriter } from "../io/byte-stream.ts";
import { countOf } from "../io/call-order.ts";
import { readCount, readOnce } from "../io/once.ts";
import { writeAll } from "../io/write-all.ts";

/**
 * The stream that a filter reads from. It remembers an error of the stream or of the filter, and throws it at each later read.
 */
class Source {
  readonly #reader: ByteReader;
  readonly #take: (into: Uint8Array, count: number) => number;
  #failure: { readonly error: unknown } | undefined;

  /** @param take Takes the `count` bytes that were read, 0 at the end; returns how many the filter gives. */
  constructor(reader: ByteReader, take: (into: Uint8Array, count: number) => number) {
    this.#reader = reader;
    this.#take = take;
  }

  get error(): unknown {
    return this.#failure?.error;
  }

  read(into: Uint8Array): Awaitable<number> {
    checkBytes("into", into);
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      const count = readOnce(this.#reader, into);
      return count instanceof Promise ? this.#takeLater(into, count) : this.#take(into, count);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #takeLater(into: Uint8Array, count: Promise<number | null>): Promise<number> {
    const room = into.length;
    try {
      return this.#take(into, readCount(await count, room));
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): never {
    this.#failure = { error };
    throw error;
  }
}

/** Unmasks, or masks, the bytes that it reads. @see RFC 6455, 5.3 · gobwas CipherReader */
export class CipherReader implements ByteReader {
  #source: Source;
  #maskKey: number;
  #position = 0;

  /**
   * Begins with the first byte of the key.
   *
   * @param source The stream to read from.
   * @param maskKey Masking key, as in a header's `maskKey`.
   */
  constructor(source: ByteReader, maskKey: number) {
    this.#source = new Source(source, this.#take);
    this.#maskKey = maskKey;
  }

  /** The error of the source, or undefined. Each read throws it, until {@link reset}. */
  get error(): unknown {
    return this.#source.error;
  }

  /** Begins again with another stream and key, and forgets an earlier error. */
  reset(source: ByteReader, maskKey: number): void {
    this.#source = new Source(source, this.#take);
    this.#maskKey = maskKey;
    this.#position = 0;
  }

  /** @throws The error of the source, now or in an earlier read, until {@link reset}. */
  read(into: Uint8Array): Awaitable<number> {
    return this.#source.read(into);
  }

  readonly #take = (into: Uint8Array, count: number): number => {
    cipher(into, this.#maskKey, this.#position, 0, count);
    // Only the position within the key counts. A sum of all counts could exceed the precise numbers.
    this.#position = (this.#position + count) & 3;
    return count;
  };
}

/** Masks, or unmasks, the bytes that it writes, in a copy: the caller's bytes are not changed. @see gobwas CipherWriter */
export class CipherWriter implements ByteWriter {
  #dest: ByteWriter;
  #maskKey: number;
  #position = 0;

  /**
   * Begins with the first byte of the key.
   *
   * @param dest The stream to write to.
   * @param maskKey Masking key, as in a header's `maskKey`.
   */
  constructor(dest: ByteWriter, maskKey: number) {
    this.#dest = dest;
    this.#maskKey = maskKey;
  }

  /** Begins again with another stream and key. */
  reset(dest: ByteWriter, maskKey: number): void {
    this.#dest = dest;
    this.#maskKey = maskKey;
    this.#position = 0;
  }

  /** true: each write writes all its bytes, in the order of the calls. */
  get writesWhole(): boolean {
    return true;
  }

  /** Writes all of `from`, masked in a copy. @throws {TypeError} `from` is no Uint8Array. */
  write(from: Uint8Array): Awaitable<number> {
    checkBytes("from", from);
    const masked = new Uint8Array(from.length);
    cipherInto(masked, 0, from, this.#maskKey, this.#position);
    this.#position = (this.#position + from.length) & 3;
    return countOf(writeAll(this.#dest, masked), masked.length);
  }
}

/** Checks that the bytes that it reads are UTF-8. @see gobwas UTF8Reader */
export class Utf8Reader implements ByteReader {
  #source: Source;
  readonly #validator: Utf8Validator = new Utf8Validator();
  #accepted = 0;

  /**
   * Begins between two characters.
   *
   * @param source The stream to read from.
   */
  constructor(source: ByteReader) {
    this.#source = new Source(source, this.#take);
  }

  /** The error of an earlier read, or undefined. Each read throws it, until {@link reset}. */
  get error(): unknown {
    return this.#source.error;
  }

  /** Whether the bytes so far end between two characters. Check it at the end: a text that ends inside a character is invalid. */
  get isValid(): boolean {
    return this.#validator.isComplete;
  }

  /** Bytes of the last read up to the end of the last whole character in it, even if a bad byte follows. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Begins again with another stream, and forgets an earlier error. */
  reset(source: ByteReader): void {
    this.#source = new Source(source, this.#take);
    this.#validator.reset();
    this.#accepted = 0;
  }

  /**
   * Reads and checks the next bytes.
   *
   * @throws {ProtocolError} `INVALID_UTF8`; {@link accepted} tells how many bytes of this read were good
   * @throws The error of the source, now or in an earlier read, until {@link reset}.
   */
  read(into: Uint8Array): Awaitable<number> {
    return this.#source.read(into);
  }

  readonly #take = (into: Uint8Array, count: number): number => {
    this.#accepted = 0;
    for (let at = 0; at < count; at++) {
      // One byte at a time, so that the end of the last whole character before a bad byte is known.
      if (!this.#validator.write(into, at, at + 1)) throw new ProtocolError("INVALID_UTF8");
      if (this.#validator.isComplete) this.#accepted = at + 1;
    }
    return count;
  };
}
