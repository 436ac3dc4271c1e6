/**
 * Masking in place, byte by byte against four bytes at a time: where an Int32Array pays for itself
 * (`wordsPayFrom` of src/frame/cipher.ts). Run it with node, `deno run -A` or bun; the package must be built.
 */

import { cipher } from "framewire/frame";
import { bench, do_not_optimize, run, summary } from "mitata";

const key = 0x1b2c3d4e;

function cipherBytes(bytes) {
  const key1 = key >>> 8;
  const key2 = key >>> 16;
  const key3 = key >>> 24;
  for (let at = 0; at < bytes.length; at += 4) {
    bytes[at] ^= key;
    bytes[at + 1] ^= key1;
    bytes[at + 2] ^= key2;
    bytes[at + 3] ^= key3;
  }
}

function cipherWords(bytes) {
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >> 2);
  for (let i = 0; i < words.length; i++) words[i] ^= key;
}

for (const size of [16, 64, 128, 256, 512, 1024, 4096, 65_536]) {
  const bytes = new Uint8Array(size).fill(7);
  summary(() => {
    bench(`${size} B, bytes`, () => do_not_optimize(cipherBytes(bytes)));
    bench(`${size} B, words`, () => do_not_optimize(cipherWords(bytes)));
    bench(`${size} B, framewire`, () => do_not_optimize(cipher(bytes, key)));
  });
}

await run();
