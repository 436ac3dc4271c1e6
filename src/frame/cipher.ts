/**
 * Masking: a payload XORed with a key of four bytes, which is its own inverse (RFC 6455, 5.3).
 *
 * @module
 */

import { copy } from "../bytes.ts";

const littleEndian =
  /* @__PURE__ */ new Uint8Array(/* @__PURE__ */ new Uint16Array([1]).buffer)[0] === 1;

// Making an Int32Array costs as much as masking about 250 bytes four at a time: bench/micro/cipher.mjs. On a big-endian
// machine words would need the key turned round; such machines take the plain loop.
const wordsPayFrom = littleEndian ? 256 : Infinity;

/**
 * Masks or unmasks `bytes[start, end)` in place.
 *
 * @param key Masking key, as in a header's `maskKey`.
 * @param offset Payload bytes that lie before `start`: a payload may be worked on piece by piece.
 * @see RFC 6455, 5.3 · gobwas Cipher
 */
export function cipher(
  bytes: Uint8Array,
  key: number,
  offset = 0,
  start = 0,
  end: number = bytes.length,
): void {
  if (end - start < wordsPayFrom) {
    cipherBytes(bytes, rotate(key, offset), start, end);
    return;
  }
  const aligned = start + (-(bytes.byteOffset + start) & 3);
  cipherBytes(bytes, rotate(key, offset), start, aligned);
  const word = rotate(key, offset + aligned - start);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + aligned, (end - aligned) >> 2);
  for (let i = 0; i < words.length; i++) words[i] ^= word;
  cipherBytes(bytes, word, aligned + words.length * 4, end);
}

/**
 * Copies `source[start, end)` to `target[at]` and what follows, masked; the source is left as it is.
 *
 * @param key Masking key, as in a header's `maskKey`.
 * @param offset Payload bytes that lie before `start`.
 */
export function cipherInto(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  key: number,
  offset = 0,
  start = 0,
  end: number = source.length,
): void {
  copy(target, at, source, start, end);
  cipher(target, key, offset, at, at + end - start);
}

/** Turns the key so that its first byte is the one that belongs to payload byte `offset`. */
function rotate(key: number, offset: number): number {
  const bits = (offset & 3) << 3;
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits));
}

/** Four bytes a turn: 2 to 4 times a loop that finds its key byte anew for each. */
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
