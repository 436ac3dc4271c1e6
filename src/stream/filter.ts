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
import { writeAll } from "../io/full.ts";

/** Unmasks, or masks, what it reads. @see RFC 6455, 5.3 · gobwas CipherReader */
export class CipherReader implements ByteReader {
  #source: ByteReader;
  #maskKey: number;
  #position = 0;

  /**
   * Begins at the key's first byte.
   *
   * @param source Where bytes come from.
   * @param maskKey Masking key, as in a header's `maskKey`.
   */
  constructor(source: ByteReader, maskKey: number) {
    this.#source = source;
    this.#maskKey = maskKey;
  }

  /** Begins anew with another stream and key. */
  reset(source: ByteReader, maskKey: number): void {
    this.#source = source;
    this.#maskKey = maskKey;
    this.#position = 0;
  }

  read(into: Uint8Array): Awaitable<number> {
    const count = this.#source.read(into);
    return count instanceof Promise
      ? count.then((read) => this.#took(into, read))
      : this.#took(into, count);
  }

  #took(into: Uint8Array, count: number | null): number {
    if (!count) return 0;
    cipher(into, this.#maskKey, this.#position, 0, count);
    // Only the position within the key counts, and it must not outgrow a number.
    this.#position = (this.#position + count) & 3;
    return count;
  }
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

  /** Writes all of `from`, masked in a copy. @throws {TypeError} It is no Uint8Array. */
  write(from: Uint8Array): Awaitable<number> {
    checkBytes("from", from);
    const masked = new Uint8Array(from.length);
    cipherInto(masked, 0, from, this.#maskKey, this.#position);
    this.#position = (this.#position + from.length) & 3;
    const written = writeAll(this.#dest, masked);
    return written instanceof Promise ? written.then(() => from.length) : from.length;
  }
}

/** Checks what it reads to be UTF-8. @see gobwas UTF8Reader */
export class Utf8Reader implements ByteReader {
  #source: ByteReader;
  readonly #validator: Utf8Validator = new Utf8Validator();
  #accepted = 0;

  /**
   * Begins in front of a character.
   *
   * @param source Where bytes come from.
   */
  constructor(source: ByteReader) {
    this.#source = source;
  }

  /** Whether what was read ends between two characters: to be asked at the end, where a part of one is an error. */
  get isValid(): boolean {
    return this.#validator.isComplete;
  }

  /** Bytes of the last read that are valid, or may become so. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Begins anew with another stream. */
  reset(source: ByteReader): void {
    this.#source = source;
    this.#validator.reset();
    this.#accepted = 0;
  }

  /** @throws {ProtocolError} `INVALID_UTF8`; {@link accepted} tells how many bytes before it were good */
  read(into: Uint8Array): Awaitable<number> {
    const count = this.#source.read(into);
    return count instanceof Promise
      ? count.then((read) => this.#took(into, read))
      : this.#took(into, count);
  }

  #took(into: Uint8Array, count: number | null): number {
    this.#accepted = 0;
    for (let at = 0; at < (count ?? 0); at++) {
      // A byte at a time, so that the first bad one is known.
      if (!this.#validator.write(into, at, at + 1)) throw new ProtocolError("INVALID_UTF8");
      this.#accepted = at + 1;
    }
    return count ?? 0;
  }
}
