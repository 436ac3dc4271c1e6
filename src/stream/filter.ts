/**
 * Streams over streams: masked on the way, or checked to be UTF-8.
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

/** What a filter reads from. An error, of it or of what is made of its bytes, stays: each read throws it. */
class Source {
  readonly #reader: ByteReader;
  readonly #take: (into: Uint8Array, count: number) => number;
  #failure: { readonly error: unknown } | undefined;

  /** @param take Looks at the `count` bytes that were read, 0 at the end; gives how many the filter gives. */
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

/** Unmasks, or masks, what it reads. @see RFC 6455, 5.3 · gobwas CipherReader */
export class CipherReader implements ByteReader {
  #source: Source;
  #maskKey: number;
  #position = 0;

  /**
   * Begins at the key's first byte.
   *
   * @param source Where bytes come from.
   * @param maskKey Masking key, as in a header's `maskKey`.
   */
  constructor(source: ByteReader, maskKey: number) {
    this.#source = new Source(source, this.#take);
    this.#maskKey = maskKey;
  }

  /** What the source has failed with, undefined where it has not: each read throws it, until {@link reset}. */
  get error(): unknown {
    return this.#source.error;
  }

  /** Begins anew with another stream and key; an earlier error is forgotten. */
  reset(source: ByteReader, maskKey: number): void {
    this.#source = new Source(source, this.#take);
    this.#maskKey = maskKey;
    this.#position = 0;
  }

  /** @throws What the source throws, and the error of an earlier read, until {@link reset}. */
  read(into: Uint8Array): Awaitable<number> {
    return this.#source.read(into);
  }

  readonly #take = (into: Uint8Array, count: number): number => {
    cipher(into, this.#maskKey, this.#position, 0, count);
    // Only the position within the key counts, and it must not outgrow a number.
    this.#position = (this.#position + count) & 3;
    return count;
  };
}

/** Masks, or unmasks, what it writes; the bytes that it is given are left as they are. @see gobwas CipherWriter */
export class CipherWriter implements ByteWriter {
  #dest: ByteWriter;
  #maskKey: number;
  #position = 0;

  /**
   * Begins at the key's first byte.
   *
   * @param dest Where bytes go.
   * @param maskKey Masking key, as in a header's `maskKey`.
   */
  constructor(dest: ByteWriter, maskKey: number) {
    this.#dest = dest;
    this.#maskKey = maskKey;
  }

  /** Begins anew with another stream and key. */
  reset(dest: ByteWriter, maskKey: number): void {
    this.#dest = dest;
    this.#maskKey = maskKey;
    this.#position = 0;
  }

  /** Each write is whole, and in its order. */
  get writesWhole(): boolean {
    return true;
  }

  /** Writes all of `from`, masked in a copy. @throws {TypeError} It is no Uint8Array. */
  write(from: Uint8Array): Awaitable<number> {
    checkBytes("from", from);
    const masked = new Uint8Array(from.length);
    cipherInto(masked, 0, from, this.#maskKey, this.#position);
    this.#position = (this.#position + from.length) & 3;
    return countOf(writeAll(this.#dest, masked), masked.length);
  }
}

/** Checks what it reads to be UTF-8. @see gobwas UTF8Reader */
export class Utf8Reader implements ByteReader {
  #source: Source;
  readonly #validator: Utf8Validator = new Utf8Validator();
  #accepted = 0;

  /**
   * Begins in front of a character.
   *
   * @param source Where bytes come from.
   */
  constructor(source: ByteReader) {
    this.#source = new Source(source, this.#take);
  }

  /** What went wrong, undefined where nothing did: each read throws it, until {@link reset}. */
  get error(): unknown {
    return this.#source.error;
  }

  /** Whether what was read ends between two characters: to be asked at the end, where a part of one is an error. */
  get isValid(): boolean {
    return this.#validator.isComplete;
  }

  /** Bytes of the last read up to the end of the last whole character in it, also where a bad byte follows. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Begins anew with another stream; an earlier error is forgotten. */
  reset(source: ByteReader): void {
    this.#source = new Source(source, this.#take);
    this.#validator.reset();
    this.#accepted = 0;
  }

  /**
   * Reads on.
   *
   * @throws {ProtocolError} `INVALID_UTF8`; {@link accepted} tells how many bytes of this read were good
   * @throws What the source throws, and the error of an earlier read, until {@link reset}.
   */
  read(into: Uint8Array): Awaitable<number> {
    return this.#source.read(into);
  }

  readonly #take = (into: Uint8Array, count: number): number => {
    this.#accepted = 0;
    for (let at = 0; at < count; at++) {
      // A byte at a time, so that the last whole character before a bad one is known.
      if (!this.#validator.write(into, at, at + 1)) throw new ProtocolError("INVALID_UTF8");
      if (this.#validator.isComplete) this.#accepted = at + 1;
    }
    return count;
  };
}
