/**
 * Small work on ranges of bytes: copy, join, compare, big-endian numbers, text to bytes, bytes of ASCII and Latin-1.
 *
 * Ranges are `start` (included) and `end` (excluded), as everywhere in the core.
 *
 * @module
 */

/** An empty array, shared by all who need one. */
export const noBytes: Uint8Array<ArrayBuffer> = /* @__PURE__ */ new Uint8Array(0);

/** Gives a view on a range. `subarray` gives the same, in twice the time on V8: for what is done for each message. */
export function viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

// One loop costs less than the view that set() needs, up to 32 (V8) and 128 (JavaScriptCore) bytes.
const setPaysFrom = 64;

/*
 * A copy of more than 2 and less than 512 KiB takes up to 24 times as long on AMD's processors where its target lies 1 to 31
 * bytes behind its source, counted within a page: libc copies as much by one instruction, which is that slow there
 * (bench/micro/distance.mjs). Large arrays begin at the same place of a page, so that what is copied behind a header always
 * lies so. Where an array begins cannot be asked for: it is taken for the start of a page.
 */
const pageSize = 4096;
/** Bytes from which a copy's target should not lie near behind its source. */
export const distanceMattersFrom = 2048;
const distanceMattersTo = 524_288;
/** A target may lie behind its source by any multiple of this. */
export const safeDistance = 32;

/** Copies `source[start, end)` to `target[at]` and what follows. */
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

/** Tells whether a large copy would be a slow one that can be mended: within one array a piece could be overwritten first. */
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
 * Copies by pieces that are small enough for another way through, which takes four times a good copy's time. Not within
 * `copy`, which is short for the sake of those that it is inlined into.
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
 * Gives a copy of a range, a plain Uint8Array in unshared memory of just its size. All code that keeps bytes copies them by this, and
 * by nothing else: `slice` is a view where they are a Buffer of Node's, and lint refuses it.
 */
export function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  if (end - start >= slicePaysFrom) {
    return bytes.constructor === Uint8Array
      ? // eslint-disable-next-line framewire/no-slice-on-bytes -- No heir of Uint8Array comes here: it is a copy.
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

// From 64 bytes on it costs less than the loop, and at 320 a third of it on V8, a tenth on JavaScriptCore.
const decoderPaysFrom = 64;

/** Reads a range as Latin-1: one character a byte, which never fails. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  // ASCII is the same in UTF-8, which runtimes decode at the speed of memory.
  if (end - start >= decoderPaysFrom && isAscii(bytes, start, end)) {
    return decoder.decode(viewOf(bytes, start, end));
  }
  let text = "";
  let at = start;
  // Eight at a time: a third of the calls' cost on V8, for texts of up to a few dozen bytes.
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

/** Writes the low byte of each character at `target[at]` and what follows. */
export function writeLatin1(target: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) target[at + i] = text.charCodeAt(i);
}

/**
 * Tells whether a range spells `text`, letters A to Z counting as a to z.
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

/** Tells whether a range spells `text`, which is Latin-1, exactly. */
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

// One loop costs a third of the encoder's call on V8, and no more on JavaScriptCore.
const loopPaysTo = 32;

/** Encodes a text as {@link encodeUtf8} does, in less time where it is a short one of ASCII. */
export function encodeShort(text: string): Uint8Array<ArrayBuffer> {
  const { length } = text;
  if (length > loopPaysTo) return encoder.encode(text);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return encoder.encode(text);
    bytes[i] = unit;
  }
  return bytes;
}

/**
 * Encodes `text` at `target[at]` and what follows.
 *
 * @param target Needs room for three bytes a UTF-16 unit.
 * @returns Bytes written.
 */
export function encodeUtf8Into(text: string, target: Uint8Array, at: number): number {
  return encoder.encodeInto(text, viewOf(target, at, target.length)).written;
}
