/**
 * Small functions on ranges of bytes: copying, joining, comparing, big-endian numbers, conversion to and from text.
 *
 * Ranges are `start` (included) and `end` (excluded), as everywhere in the core.
 *
 * @module
 */

/** An empty array, shared by everything that needs one. */
export const noBytes: Uint8Array<ArrayBuffer> = /* @__PURE__ */ new Uint8Array(0);

/**
 * Gives a view of a range. `subarray` gives the same, in twice the time on V8; this one is for code that runs for each message.
 */
export function viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

// Up to 32 (V8) and 128 (JavaScriptCore) bytes, a loop costs less than the view that set() needs.
const setPaysFrom = 64;

/*
 * On AMD's processors a copy of more than 2 and less than 512 KiB takes up to 24 times as long if its target lies 1 to 31 bytes
 * behind its source, counted within a page: libc copies such sizes with one instruction, which is slow in that case
 * (bench/micro/distance.mjs). Large arrays all begin at the same place of a page, so that a copy behind a header always lies so.
 * JavaScript cannot see where an array begins: the code assumes the start of a page.
 */
const pageSize = 4096;
/** Bytes from which the target of a copy should not lie close behind its source. */
export const distanceMattersFrom = 2048;
const distanceMattersTo = 524_288;
/** A target may lie behind its source by any multiple of this distance. */
export const safeDistance = 32;

/** Copies `source[start, end)` to `target`, from `at` on. */
export function copy(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  const size = end - start;
  if (size >= setPaysFrom) {
    if (size > distanceMattersFrom && isTooNear(target, at, source, start, size)) {
      copyInPieces(target, at, source, start, end);
    } else {
      target.set(size === source.length ? source : viewOf(source, start, end), at);
    }
    return;
  }
  for (let from = start; from < end; from++) target[at++] = source[from];
}

/** Tells whether a large copy would be slow, and may be split. Within one array it may not: a piece could overwrite the next. */
function isTooNear(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  size: number,
): boolean {
  const distance = (target.byteOffset + at - source.byteOffset - start) & (pageSize - 1);
  if (distance === 0 || distance >= safeDistance || size >= distanceMattersTo) return false;
  return target.buffer !== source.buffer;
}

/**
 * Copies in pieces that are small enough for a faster way through libc, which takes four times as long as a good copy. It is
 * separate from `copy`, which is short so that engines inline it.
 */
function copyInPieces(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  const piece = distanceMattersFrom;
  for (let from = start; from < end; from += piece) {
    target.set(viewOf(source, from, Math.min(from + piece, end)), at + from - start);
  }
}

// A loop costs less than slice() up to 32 bytes on JavaScriptCore (16: half of it), and no more on V8.
const slicePaysFrom = 32;

/**
 * Gives a copy of a range: a plain Uint8Array in unshared memory of exactly its size. All code that keeps bytes must copy them
 * with this function. `slice` would give a view if they are a Node Buffer, and lint refuses it.
 */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  if (end - start >= slicePaysFrom) {
    return bytes.constructor === Uint8Array
      ? // no-slice-on-bytes: no subclass of Uint8Array comes here, so that `slice` copies.
        (bytes.slice(start, end) as Uint8Array<ArrayBuffer>)
      : new Uint8Array(viewOf(bytes, start, end));
  }
  const copied = new Uint8Array(end - start);
  for (let at = 0; start < end; start++) copied[at++] = bytes[start];
  return copied;
}

/** Joins arrays into a new one. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    copy(whole, at, part, 0, part.length);
    at += part.length;
  }
  return whole;
}

/** Reads a big-endian number of two bytes. */
export function readUint16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

/** Reads a big-endian number of four bytes, 0 to 2^32 - 1. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** Writes a big-endian number of two bytes. */
export function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Writes a big-endian number of four bytes. */
export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** Tells whether every byte of a range is below 0x80. */
export function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  let all = 0;
  for (let at = start; at < end; at++) all |= bytes[at];
  return all < 0x80;
}

const decoder: TextDecoder = /* @__PURE__ */ new TextDecoder();

// From 64 bytes on the decoder costs less than the loop, and at 320 a third of it on V8, a tenth on JavaScriptCore.
const decoderPaysFrom = 64;

/** Decodes a range as Latin-1: one character for each byte. It never fails. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  // ASCII is the same in UTF-8, which runtimes decode as fast as they copy.
  if (end - start >= decoderPaysFrom && isAscii(bytes, start, end)) {
    return decoder.decode(viewOf(bytes, start, end));
  }
  let text = "";
  let at = start;
  // Eight at a time: a third of the cost of single calls on V8, for texts of up to a few dozen bytes.
  for (; at + 8 <= end; at += 8) {
    text += String.fromCharCode(
      bytes[at],
      bytes[at + 1],
      bytes[at + 2],
      bytes[at + 3],
      bytes[at + 4],
      bytes[at + 5],
      bytes[at + 6],
      bytes[at + 7],
    );
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]);
  return text;
}

/** Writes the low byte of each character to `target`, from `at` on. */
export function writeLatin1(target: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
}

/**
 * Tells whether a range spells `text`; the letters A to Z are equal to a to z.
 *
 * @param text Lower-case ASCII.
 */
export function equalsIgnoreCase(
  bytes: Uint8Array,
  start: number,
  end: number,
  text: string,
): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    const byte = bytes[start + i];
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    if (lower !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** Tells whether a range spells `text` exactly. @param text Latin-1. */
export function spells(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

const encoder: TextEncoder = /* @__PURE__ */ new TextEncoder();

/** Encodes a text; a surrogate without its partner becomes U+FFFD, as everywhere on the Web. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/**
 * Encodes `text` into `target`, from `at` on.
 *
 * @param target Needs room for three bytes for each UTF-16 unit.
 * @returns Bytes written.
 */
export function encodeUtf8Into(text: string, target: Uint8Array, at: number): number {
  return encoder.encodeInto(text, viewOf(target, at, target.length)).written;
}
