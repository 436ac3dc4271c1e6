/**
 * Reads headers and frames from a byte stream, and writes them to one (RFC 6455, 5.2). It checks lengths and no other rule, and
 * masks nothing.
 *
 * @module
 */

import { checkBytes, checkLimit } from "../arguments.ts";
import { copy, noBytes } from "../bytes.ts";
import { LimitError, ProtocolError, TransportError } from "../errors.ts";
import { checkState, isClientSide, type State } from "../frame/check.ts";
import { cipherInto } from "../frame/cipher.ts";
import { compileFrame, type Frame, newFrame } from "../frame/frame.ts";
import {
  decodeHeaderRange,
  encodeHeader,
  type Header,
  headerSize,
  MaxHeaderSize,
  MinHeaderSize,
  newHeader,
} from "../frame/header.ts";
import { newMask } from "../frame/mask.ts";
import { isControl, type Opcode } from "../frame/opcode.ts";
import { BufferedStream } from "../io/buffered.ts";
import type { Awaitable, ByteReader, ByteWriter } from "../io/byte-stream.ts";
import { readBytes, readExactly, readFull } from "../io/full.ts";
import { writeFrameBytes } from "./sent-close.ts";

/** Payload bytes that {@link readFrame} and the helpers take, at most, unless the options say otherwise. */
export const defaultMaxSize: number = 16 * 1024 ** 2;

/**
 * Reads a frame's header, and no byte behind it. If a {@link BufferedStream} has the header in its buffer, the call makes no
 * promise and allocates nothing.
 *
 * A data frame's length that is not minimally encoded is accepted, a control frame's is not.
 *
 * @param header Filled and returned. Default: a new one.
 * @returns The header, or undefined if the stream ends before its first byte.
 * @throws {ProtocolError} `LENGTH_SIGN_BIT`, `LENGTH_TOO_LARGE`, `LENGTH_NOT_MINIMAL`
 * @throws {TransportError} `UNEXPECTED_END`
 * @see gobwas ReadHeader
 */
export function readHeader(
  reader: ByteReader,
  header: Header = newHeader(),
): Awaitable<Header | undefined> {
  if (reader instanceof BufferedStream) return readBuffered(reader, header);
  return readHeaderBuffer(reader, new Uint8Array(MaxHeaderSize), header);
}

/** Decodes the header in the stream's buffer, without a copy, and makes no promise while the stream behind makes none. */
function readBuffered(stream: BufferedStream, header: Header): Awaitable<Header | undefined> {
  for (;;) {
    const size = decodeHeaderRange(header, stream.bytes, stream.start, stream.end);
    if (size > 0) {
      checkLengthForm(header, size);
      stream.consume(size);
      return header;
    }
    const count = stream.fill();
    if (count instanceof Promise) {
      return count.then((read) => (read === 0 ? endOf(stream) : readBuffered(stream, header)));
    }
    if (count === 0) return endOf(stream);
  }
}

/** Gives undefined if the stream has ended between two frames, and throws if it has ended inside a header. */
function endOf(stream: BufferedStream): undefined {
  if (stream.buffered > 0) throw new TransportError("UNEXPECTED_END");
}

/**
 * Reads a frame's header through a buffer of the caller.
 *
 * @param buffer At least 14 bytes; lent until the call, or its promise, is done.
 * @param header Filled and returned. Default: a new one.
 * @returns The header, or undefined if the stream ends before its first byte.
 * @throws {RangeError} `buffer` is too small.
 * @throws {ProtocolError} `LENGTH_SIGN_BIT`, `LENGTH_TOO_LARGE`, `LENGTH_NOT_MINIMAL`
 * @throws {TransportError} `UNEXPECTED_END`
 * @see gobwas ReadHeaderBuffer
 */
export function readHeaderBuffer(
  reader: ByteReader,
  buffer: Uint8Array,
  header: Header = newHeader(),
): Awaitable<Header | undefined> {
  checkRoom(buffer);
  // The first two bytes tell how many more there are.
  const first = readFull(reader, buffer.subarray(0, MinHeaderSize));
  if (first instanceof Promise) {
    return first.then((count) => readHeaderRest(reader, buffer, header, count));
  }
  return readHeaderRest(reader, buffer, header, first);
}

function checkRoom(buffer: Uint8Array): void {
  checkBytes("buffer", buffer);
  if (buffer.length < MaxHeaderSize) {
    throw new RangeError(`Buffer for a header must have ${MaxHeaderSize} bytes: ${buffer.length}`);
  }
}

function readHeaderRest(
  reader: ByteReader,
  buffer: Uint8Array,
  header: Header,
  count: number,
): Awaitable<Header | undefined> {
  if (count === 0) return undefined;
  const size = sizeByStart(buffer[1]);
  if (size === MinHeaderSize) return decodedFrom(buffer, size, header);
  const rest = readExactly(reader, buffer.subarray(MinHeaderSize, size));
  if (rest instanceof Promise) return rest.then(() => decodedFrom(buffer, size, header));
  return decodedFrom(buffer, size, header);
}

/** Gives the number of bytes of a header by its second byte. */
function sizeByStart(second: number): number {
  const short = second & 0x7f;
  const keySize = second & 0x80 ? 4 : 0;
  return MinHeaderSize + (short < 126 ? 0 : short === 126 ? 2 : 8) + keySize;
}

function decodedFrom(buffer: Uint8Array, size: number, header: Header): Header {
  decodeHeaderRange(header, buffer, 0, size);
  checkLengthForm(header, size);
  return header;
}

/**
 * Checks the length form of a control frame. It has only one form, as in a decoder: no payload of a control frame needs another.
 */
function checkLengthForm(header: Header, size: number): void {
  if (isControl(header.opcode) && size !== headerSize(header)) {
    throw new ProtocolError("LENGTH_NOT_MINIMAL");
  }
}

/**
 * Writes a frame's header in one write.
 *
 * @throws {RangeError} The length is not an integer from 0 to 2^53 - 1.
 * @see gobwas WriteHeader
 */
export function writeHeader(writer: ByteWriter, header: Header): Awaitable<void> {
  return writeHeaderBuffer(writer, header, new Uint8Array(MaxHeaderSize));
}

/**
 * Writes a frame's header in one write, through a buffer of the caller.
 *
 * @param buffer At least 14 bytes; lent until the call, or its promise, is done.
 * @throws {RangeError} `buffer` is too small, or the length is not an integer from 0 to 2^53 - 1.
 * @see gobwas WriteHeaderBuffer
 */
export function writeHeaderBuffer(
  writer: ByteWriter,
  header: Header,
  buffer: Uint8Array,
): Awaitable<void> {
  checkRoom(buffer);
  const size = encodeHeader(header, buffer);
  return writeFrameBytes(writer, header.opcode, buffer.subarray(0, size));
}

/** Options of {@link readFrame}. */
export interface ReadFrameOptions {
  /** Payload bytes that are taken, at most; Infinity for no limit. Default: 16 MiB. */
  readonly maxFrameSize?: number | undefined;
  /** Takes the payload if it fits. Default: a new array. */
  readonly buffer?: Uint8Array | undefined;
}

/**
 * Reads a whole frame. A masked payload stays masked.
 *
 * @returns The frame, or undefined if the stream ends before its first byte. The payload is a part of `buffer`, or a new array,
 * which the caller owns.
 * @throws {LimitError} `FRAME_TOO_BIG`, before any of the payload is read
 * @throws {ProtocolError} `LENGTH_SIGN_BIT`, `LENGTH_TOO_LARGE`, `LENGTH_NOT_MINIMAL`
 * @throws {TransportError} `UNEXPECTED_END`
 * @see gobwas ReadFrame, which has no limit
 */
export async function readFrame(
  reader: ByteReader,
  { maxFrameSize = defaultMaxSize, buffer = noBytes }: ReadFrameOptions = {},
): Promise<Frame | undefined> {
  checkBytes("buffer", buffer);
  checkLimit("maxFrameSize", maxFrameSize);
  const header = await readHeader(reader);
  if (header === undefined) return undefined;
  const { length } = header;
  if (length > maxFrameSize) throw new LimitError("FRAME_TOO_BIG", maxFrameSize, length);
  return { header, payload: await readPayload(reader, length, buffer) };
}

/** Reads a payload, into `buffer` if it fits. */
async function readPayload(
  reader: ByteReader,
  length: number,
  buffer: Uint8Array,
): Promise<Uint8Array> {
  if (length > buffer.length) return readBytes(reader, length);
  const payload = buffer.subarray(0, length);
  await readExactly(reader, payload);
  return payload;
}

/**
 * Encodes a frame in a new array, with the payload masked if the header says so; `payload` itself is not changed.
 *
 * @param header Its `length` must be that of the payload.
 */
export function encodeFrame(header: Header, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const size = headerSize(header);
  const bytes = new Uint8Array(size + payload.length);
  encodeHeader(header, bytes);
  if (header.masked) cipherInto(bytes, size, payload, header.maskKey);
  else copy(bytes, size, payload, 0, payload.length);
  return bytes;
}

/**
 * Writes one final frame, masked on a client's side.
 *
 * @param payload Not changed; lent until the call, or its promise, is done.
 */
export function writeWhole(
  writer: ByteWriter,
  state: State,
  opcode: Opcode,
  payload: Uint8Array,
): Awaitable<void> {
  checkState(state);
  const frame = newFrame(opcode, true, payload);
  if (!isClientSide(state)) return writeFrame(writer, frame);
  const header = { ...frame.header, masked: true, maskKey: newMask() };
  return writeFrameBytes(writer, opcode, encodeFrame(header, payload));
}

/**
 * Writes a frame without masking it. Header and payload are one unit: nothing that is written meanwhile comes between them.
 *
 * @throws {RangeError} The header's length differs from the payload's.
 * @see gobwas WriteFrame
 */
export function writeFrame(writer: ByteWriter, frame: Frame): Awaitable<void> {
  return writeFrameBytes(writer, frame.header.opcode, compileFrame(frame));
}
