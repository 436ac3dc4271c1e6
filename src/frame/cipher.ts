/**
 * Masking: a payload is XORed with a key of four bytes; doing it again unmasks it (RFC 6455, 5.3).
 *
 * Theory of operation. Long ranges are masked in words of four bytes, short ones byte by byte: making the view for words costs as
 * much as masking some 250 bytes. There are three functions. `cipher` checks the arguments of users. `cipherRange` is for callers
 * that have checked the range. `RangeCipher` makes one view for all frames of a chunk. So there are two thresholds: a new view
 * pays from 256 bytes on, an existing one from 64 on. Measured in chunks of 16 KiB on Node, Deno and Bun, in `RangeCipher` a
 * frame of 128 bytes costs 0.80, 0.63 and 0.60 of its cost in `cipherRange`, and one of 250 bytes 0.60, 0.52 and 0.38. A frame of
 * 32 bytes in words would cost 2.0, 1.3 and 1.7.
 *
 * @module
 */

import { checkRange, checkWhole } from "../arguments.ts";
import { copy, noBytes } from "../bytes.ts";
import { checkMaskKey } from "./header.ts";

const littleEndian =
  /* @__PURE__ */ new Uint8Array(/* @__PURE__ */ new Uint16Array([1]).buffer)[0] === 1;

// Making an Int32Array costs as much as masking about 250 bytes four at a time: bench/micro/cipher.mjs. On a big-endian machine
// words would need a byte-swapped key; such machines use the plain loop.
const wordsPayFrom = littleEndian ? 256 : Infinity;

/**
 * Masks or unmasks `bytes[start, end)` in place.
 *
 * @param key Masking key, as in a header's `maskKey`: a 32-bit integer, signed or unsigned.
 * @param offset Payload bytes that lie before `start`, so that a payload can be masked piece by piece.
 * @throws {TypeError} `bytes` is no Uint8Array, or is detached; or `key` or `offset` is no number.
 * @throws {RangeError} `start` or `end` is not within `bytes`, `key` is no 32-bit integer, or `offset` is not a whole number from
 * 0 on. Nothing has been changed then.
 * @see RFC 6455, 5.3 · gobwas Cipher
 */
export function cipher(bytes: Uint8Array, key: number, offset = 0, start = 0, end?: number): void {
  end = checkRange(bytes, start, end);
  checkKey(key, offset);
  cipherRange(bytes, key, offset, start, end);
}

/** Checks key and offset. An invalid one would mask with zeros, which mask nothing, or with another key. */
function checkKey(key: number, offset: number): void {
  checkMaskKey(key);
  checkWhole("offset", offset, Number.MAX_SAFE_INTEGER);
}

/** As {@link cipher}, for callers that have checked the range. */
export function cipherRange(
  bytes: Uint8Array,
  key: number,
  offset: number,
  start: number,
  end: number,
): void {
  if (end - start < wordsPayFrom) {
    cipherBytes(bytes, rotate(key, offset), start, end);
    return;
  }
  const first = alignedFrom(bytes, start);
  cipherByWords(bytes, wordsOf(bytes, first, end), first, key, offset, start, end);
}

/** Bytes from which a range is masked in words if the view already exists. */
const wordsHelpFrom = 64;

/**
 * Masks ranges of the same array one after the other, each as {@link cipher} does. The view of the array's words is made once for
 * all of them, and pays from 64 bytes for each range on. The cipher refers to the array until {@link release}.
 */
export class RangeCipher {
  // The view begins at the first whole word of the array. Its index is kept: on Node 20 asking an array where it begins costs as
  // much as masking 100 bytes.
  #bytes: Uint8Array = noBytes;
  #words: Int32Array | undefined;
  #first = 0;

  /** Masks or unmasks `bytes[start, end)` in place. */
  apply(bytes: Uint8Array, key: number, offset: number, start: number, end: number): void {
    if (end - start < wordsHelpFrom || !this.#hasWords(bytes, start)) {
      cipherBytes(bytes, rotate(key, offset), start, end);
      return;
    }
    cipherByWords(bytes, this.#words!, this.#first, key, offset, start, end);
  }

  /** Drops the reference to the array. */
  release(): void {
    this.#bytes = noBytes;
    this.#words = undefined;
  }

  /** Says whether a view exists, after making one if the rest of the array is long enough to pay for it. */
  #hasWords(bytes: Uint8Array, start: number): boolean {
    if (bytes === this.#bytes) return true;
    if (bytes.length - start < wordsPayFrom) return false;
    this.#bytes = bytes;
    this.#first = alignedFrom(bytes, 0);
    this.#words = wordsOf(bytes, this.#first, bytes.length);
    return true;
  }
}

/**
 * Copies `source[start, end)` to `target`, from `at` on, and masks the copy; the source is not changed.
 *
 * @param key Masking key, as in a header's `maskKey`: a 32-bit integer, signed or unsigned.
 * @param offset Payload bytes that lie before `start`.
 * @throws {TypeError} `target` or `source` is no Uint8Array, or is detached; or another argument is no number.
 * @throws {RangeError} `start` or `end` is not within `source`, there is no room in `target`, or `key` or `offset` is out of
 * range, as for {@link cipher}. Nothing has been written then.
 */
export function cipherInto(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  key: number,
  offset = 0,
  start = 0,
  end?: number,
): void {
  end = checkRange(source, start, end, "source");
  const targetEnd = checkRange(target, at, at + end - start, "target");
  checkKey(key, offset);
  copy(target, at, source, start, end);
  cipherRange(target, key, offset, at, targetEnd);
}

/** Gives the index of the first whole word of `bytes` from `start` on. */
function alignedFrom(bytes: Uint8Array, start: number): number {
  return start + (-(bytes.byteOffset + start) & 3);
}

/** Gives a view of the whole words from the one that begins at `first` on. */
function wordsOf(bytes: Uint8Array, first: number, end: number): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset + first, (end - first) >> 2);
}

/**
 * Masks `bytes[start, end)`, its whole words by words.
 *
 * @param words A view that covers at least these words.
 * @param first Index in `bytes` at which the view begins.
 */
function cipherByWords(
  bytes: Uint8Array,
  words: Int32Array,
  first: number,
  key: number,
  offset: number,
  start: number,
  end: number,
): void {
  const aligned = start + ((first - start) & 3);
  const count = (end - aligned) >> 2;
  const at = (aligned - first) >> 2;
  const word = rotate(key, offset + aligned - start);
  cipherBytes(bytes, rotate(key, offset), start, aligned);
  cipherWords(words, word, at, at + count);
  cipherBytes(bytes, word, aligned + count * 4, end);
}

/** Masks eight words in each turn: 1.5 to 2 times as fast as one on V8, up to 1.8 times on JavaScriptCore. */
function cipherWords(words: Int32Array, word: number, start: number, end: number): void {
  let at = start;
  for (; at + 8 <= end; at += 8) {
    words[at] ^= word;
    words[at + 1] ^= word;
    words[at + 2] ^= word;
    words[at + 3] ^= word;
    words[at + 4] ^= word;
    words[at + 5] ^= word;
    words[at + 6] ^= word;
    words[at + 7] ^= word;
  }
  for (; at < end; at++) words[at] ^= word;
}

/** Rotates the key so that its first byte is the one for payload byte `offset`. */
function rotate(key: number, offset: number): number {
  const bits = (offset & 3) << 3;
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits));
}

/** Masks four bytes in each turn: 2 to 4 times as fast as a loop that looks up the key byte for each byte. */
function cipherBytes(bytes: Uint8Array, key: number, start: number, end: number): void {
  const key1 = key >>> 8;
  const key2 = key >>> 16;
  const key3 = key >>> 24;
  let at = start;
  for (; at + 4 <= end; at += 4) {
    bytes[at] ^= key;
    bytes[at + 1] ^= key1;
    bytes[at + 2] ^= key2;
    bytes[at + 3] ^= key3;
  }
  if (at < end) bytes[at++] ^= key;
  if (at < end) bytes[at++] ^= key1;
  if (at < end) bytes[at] ^= key2;
}
