/**
 * SHA-1 of short inputs, synchronous and without the runtime, for the accept value (RFC 3174).
 *
 * The opening handshake uses SHA-1 only to show that the server has understood the request. It protects nothing, so the weakness
 * of SHA-1 does no harm here (RFC 6455, 10.8).
 *
 * @module
 */

import { readUint32, writeUint32 } from "../bytes.ts";

const blockSize = 64;
/** Number of bytes of a hash. */
export const sha1Size = 20;

// Used within one synchronous call only, so all calls can share it.
const schedule = /* @__PURE__ */ new Int32Array(80);
const state = /* @__PURE__ */ new Int32Array(5);
const padded = /* @__PURE__ */ new Uint8Array(2 * blockSize);

/**
 * Hashes `bytes`.
 *
 * @returns A new array of 20 bytes, yours.
 */
export function sha1(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const hash = new Uint8Array(sha1Size);
  sha1Into(hash, bytes);
  return hash;
}

/** Hashes `bytes` into the first 20 bytes of `hash`. */
export function sha1Into(hash: Uint8Array, bytes: Uint8Array): void {
  state[0] = 0x67452301;
  state[1] = 0xefcdab89;
  state[2] = 0x98badcfe;
  state[3] = 0x10325476;
  state[4] = 0xc3d2e1f0;
  let at = 0;
  for (; at + blockSize <= bytes.length; at += blockSize) addBlock(bytes, at);
  const end = pad(bytes, at);
  for (let block = 0; block < end; block += blockSize) addBlock(padded, block);
  for (let i = 0; i < 5; i++) writeUint32(hash, i * 4, state[i]);
}

/**
 * Writes the last blocks to `padded`: the rest of the input, a 1 bit, zeros, and the input's length in bits (RFC 3174, 4).
 *
 * @param at Index at which the rest begins.
 * @returns Index at which the blocks end: after one block or two.
 */
function pad(bytes: Uint8Array, at: number): number {
  const rest = bytes.length - at;
  const end = rest + 9 <= blockSize ? blockSize : 2 * blockSize;
  for (let i = 0; i < rest; i++) padded[i] = bytes[at + i];
  padded[rest] = 0x80;
  padded.fill(0, rest + 1, end - 8);
  writeUint32(padded, end - 8, bytes.length / 0x2000_0000);
  writeUint32(padded, end - 4, bytes.length << 3);
  return end;
}

function rotateLeft(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}

/** The function and the constant of each quarter of the 80 rounds (RFC 3174, 5). */
function mix(round: number, b: number, c: number, d: number): number {
  if (round < 20) return ((b & c) | (~b & d)) + 0x5a827999;
  if (round < 40) return (b ^ c ^ d) + 0x6ed9eba1;
  if (round < 60) return ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc;
  return (b ^ c ^ d) + 0xca62c1d6;
}

function addBlock(bytes: Uint8Array, start: number): void {
  for (let i = 0; i < 16; i++) schedule[i] = readUint32(bytes, start + i * 4);
  for (let i = 16; i < 80; i++) {
    schedule[i] = rotateLeft(
      schedule[i - 3] ^ schedule[i - 8] ^ schedule[i - 14] ^ schedule[i - 16],
      1,
    );
  }
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  for (let round = 0; round < 80; round++) {
    const next = (rotateLeft(a, 5) + mix(round, b, c, d) + e + schedule[round]) | 0;
    e = d;
    d = c;
    c = rotateLeft(b, 30);
    b = a;
    a = next;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}
