/**
 * Decodes and encodes frame headers of 2 to 14 bytes (RFC 6455, 5.2). It checks no rule of the protocol: see check.ts.
 *
 * @module
 */

import { checkSpan, checkWhole, wrongType, wrongValue } from "../arguments.ts";
import { readUint16, readUint32, writeUint16, writeUint32 } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import { checkOpcode, type Opcode } from "./opcode.ts";

/** The header of a frame. */
export interface Header {
  /** Whether the frame is the last one of its message. */
  fin: boolean;
  /** Reserved bits: 4 is RSV1, 2 is RSV2, 1 is RSV3. */
  rsv: number;
  /** The kind of the frame, 0 to 15 (RFC 6455, 5.2). */
  opcode: Opcode;
  /** Whether the payload is masked. */
  masked: boolean;
  /** Masking key as an int32 whose low byte is the key's first byte on the wire; 0 if the frame is not masked. */
  maskKey: number;
  /** Payload length in bytes, 0 to 2^53 - 1. */
  length: number;
}

/** Bytes of the longest header. */
export const MaxHeaderSize = 14;
/** Bytes of the shortest header. */
export const MinHeaderSize = 2;
/** Payload bytes that a control frame may carry, at most (RFC 6455, 5.5). */
export const MaxControlFramePayloadSize = 125;

/** Makes the header of an empty, final, unmasked frame; {@link decodeHeader} can fill it. */
export function newHeader(opcode: Opcode = 0, length = 0): Header {
  return { fin: true, rsv: 0, opcode, masked: false, maskKey: 0, length };
}

/** Packs the three reserved bits into a number from 0 to 7. */
export function rsv(rsv1: boolean, rsv2: boolean, rsv3: boolean): number {
  return (rsv1 ? 4 : 0) | (rsv2 ? 2 : 0) | (rsv3 ? 1 : 0);
}

/** Unpacks the three reserved bits. */
export function rsvBits(bits: number): [rsv1: boolean, rsv2: boolean, rsv3: boolean] {
  return [(bits & 4) !== 0, (bits & 2) !== 0, (bits & 1) !== 0];
}

/** Tells whether RSV1 is set. */
export function rsv1(header: Header): boolean {
  return (header.rsv & 4) !== 0;
}

/** Tells whether RSV2 is set. */
export function rsv2(header: Header): boolean {
  return (header.rsv & 2) !== 0;
}

/** Tells whether RSV3 is set. */
export function rsv3(header: Header): boolean {
  return (header.rsv & 1) !== 0;
}

/**
 * Gives the number of bytes that {@link encodeHeader} writes for `header`.
 *
 * @returns 2 to 14.
 * @see gobwas HeaderSize
 */
export function headerSize(header: Header): number {
  return lengthEnd(header.length) + (header.masked ? 4 : 0);
}

/** Gives the index after the length field of a header whose payload has `length` bytes. */
function lengthEnd(length: number): number {
  return length < 126 ? 2 : length < 0x10000 ? 4 : 10;
}

/**
 * Decodes the header at `bytes[start]` into `header`.
 *
 * A length that is not minimally encoded is accepted; the number of bytes taken is then larger than {@link headerSize}.
 *
 * @param end Index after the last byte that may be read.
 * @returns Bytes taken, or 0 if the header is not complete: `header` is then unchanged.
 * @throws {TypeError} `bytes` is no Uint8Array, or is detached.
 * @throws {RangeError} `start` or `end` is not within `bytes`.
 * @throws {ProtocolError} `LENGTH_SIGN_BIT`, `LENGTH_TOO_LARGE`
 * @see RFC 6455, 5.2 · gobwas ReadHeader
 */
export function decodeHeader(
  header: Header,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  checkSpan(bytes, start, end);
  return decodeHeaderRange(header, bytes, start, end);
}

/** As {@link decodeHeader}, for callers that have checked the range. */
export function decodeHeaderRange(
  header: Header,
  bytes: Uint8Array,
  start: number,
  end: number,
): number {
  if (end - start < MinHeaderSize) return 0;
  const first = bytes[start];
  const second = bytes[start + 1];
  const masked = (second & 0x80) !== 0;
  const short = second & 0x7f;
  const keyAt = short < 126 ? 2 : short === 126 ? 4 : 10;
  const size = masked ? keyAt + 4 : keyAt;
  if (end - start < size) return 0;

  header.length =
    short < 126
      ? short
      : short === 126
        ? readUint16(bytes, start + 2)
        : readLength64(bytes, start + 2);
  header.fin = (first & 0x80) !== 0;
  header.rsv = (first >> 4) & 0x7;
  header.opcode = first & 0xf;
  header.masked = masked;
  header.maskKey = masked ? readKey(bytes, start + keyAt) : 0;
  return size;
}

/** Reads a 64-bit length as two 32-bit halves, so that nothing is rounded before it is compared. */
function readLength64(bytes: Uint8Array, at: number): number {
  const high = readUint32(bytes, at);
  // "the most significant bit MUST be 0" (RFC 6455, 5.2)
  if (high > 0x7fffffff) throw new ProtocolError("LENGTH_SIGN_BIT");
  if (high > 0x1fffff) throw new ProtocolError("LENGTH_TOO_LARGE");
  return high * 0x1_0000_0000 + readUint32(bytes, at + 4);
}

/**
 * Encodes `header` at `bytes[at]`, with its length in as few bytes as possible.
 *
 * @param bytes Needs {@link headerSize} bytes of room from `at` on; {@link MaxHeaderSize} is always enough.
 * @returns Bytes written, 2 to 14.
 * @throws {TypeError} `bytes` is no Uint8Array, or is detached; or a field of the header that must be a number is none.
 * @throws {RangeError} There is not enough room, or a value does not fit into a header: `opcode` must be a whole number from 0 to
 * 15, `rsv` from 0 to 7, `length` from 0 to 2^53 - 1, and `maskKey`, if `masked`, a 32-bit integer. Nothing has been written
 * then.
 * @see RFC 6455, 5.2 · gobwas WriteHeader
 */
export function encodeHeader(header: Header, bytes: Uint8Array, at = 0): number {
  checkOpcode(header.opcode);
  checkWhole("rsv", header.rsv, 7);
  checkWhole("length", header.length, Number.MAX_SAFE_INTEGER);
  if (header.masked) checkMaskKey(header.maskKey);
  checkSpan(bytes, at, at + headerSize(header));
  return encodeHeaderAt(header, bytes, at);
}

/** As {@link encodeHeader}, for callers that have checked the header and the room for it. */
export function encodeHeaderAt(header: Header, bytes: Uint8Array, at: number): number {
  const length = header.length;
  const keyAt = lengthEnd(length);
  const size = header.masked ? keyAt + 4 : keyAt;
  bytes[at] = (header.fin ? 0x80 : 0) | (header.rsv << 4) | header.opcode;
  const maskBit = header.masked ? 0x80 : 0;
  // "the minimal number of bytes MUST be used to encode the length" (RFC 6455, 5.2)
  if (keyAt === 2) {
    bytes[at + 1] = maskBit | length;
  } else if (keyAt === 4) {
    bytes[at + 1] = maskBit | 126;
    writeUint16(bytes, at + 2, length);
  } else {
    bytes[at + 1] = maskBit | 127;
    writeUint32(bytes, at + 2, length / 0x1_0000_0000);
    writeUint32(bytes, at + 6, length);
  }
  if (header.masked) writeKey(bytes, at + keyAt, header.maskKey);
  return size;
}

/**
 * Reads a masking key.
 *
 * @param at Index of the first of its four bytes.
 * @throws {TypeError} `bytes` is no Uint8Array, or is detached.
 * @throws {RangeError} Four bytes from `at` on are not within `bytes`.
 */
export function readMaskKey(bytes: Uint8Array, at: number): number {
  checkSpan(bytes, at, at + 4);
  return readKey(bytes, at);
}

function readKey(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

/**
 * Writes a masking key.
 *
 * @param at Index of the first of its four bytes.
 * @param maskKey A 32-bit integer, signed or unsigned.
 * @throws {TypeError} `bytes` is no Uint8Array, or is detached; or `maskKey` is no number.
 * @throws {RangeError} There is no room for four bytes, or `maskKey` is no 32-bit integer. Nothing has been written then.
 */
export function writeMaskKey(bytes: Uint8Array, at: number, maskKey: number): void {
  checkMaskKey(maskKey);
  checkSpan(bytes, at, at + 4);
  writeKey(bytes, at, maskKey);
}

function writeKey(bytes: Uint8Array, at: number, maskKey: number): void {
  bytes[at] = maskKey;
  bytes[at + 1] = maskKey >>> 8;
  bytes[at + 2] = maskKey >>> 16;
  bytes[at + 3] = maskKey >>> 24;
}

/**
 * Checks a masking key: a 32-bit integer, signed or unsigned. Any other value would become four other bytes, as a rule zeros,
 * which mask nothing.
 *
 * @throws {TypeError} It is no number.
 * @throws {RangeError} It is no 32-bit integer.
 */
export function checkMaskKey(maskKey: unknown): void {
  if (typeof maskKey !== "number") throw wrongType("maskKey", "a number", maskKey);
  if ((maskKey | 0) === maskKey || maskKey >>> 0 === maskKey) return;
  throw wrongValue("maskKey", "an integer of 32 bits", maskKey);
}

/**
 * Gives the four bytes of a masking key in the order of the wire, as a new array, which the caller owns.
 *
 * @throws As {@link writeMaskKey} does for `maskKey`.
 */
export function maskKeyBytes(maskKey: number): Uint8Array<ArrayBuffer> {
  checkMaskKey(maskKey);
  const bytes = new Uint8Array(4);
  writeKey(bytes, 0, maskKey);
  return bytes;
}
