/**
 * Whole reads from streams whose `read` may give less than was asked for. Whole writes are in write-all.ts.
 *
 * The functions make no promise as long as the stream makes none.
 *
 * @module
 */

import { checkBytes, checkLimit, wrongValue } from "../arguments.ts";
import { concat, copy } from "../bytes.ts";
import { LimitError, TransportError } from "../errors.ts";
import type { Awaitable, ByteReader } from "./byte-stream.ts";
import { readCount, readOnce } from "./once.ts";
import { lentSize, restOf } from "./rest.ts";

/**
 * Fills `into` with the next bytes.
 *
 * @param into Lent until the call, or its promise, is done.
 * @returns `into.length`, or 0 if the stream ends before the first byte.
 * @throws {TypeError} `into` is no Uint8Array, or was detached or shrunk meanwhile.
 * @throws {TransportError} `UNEXPECTED_END`: the stream ends before `into` is full; `FAILED`: `read` gave no count
 * @see Go io.ReadFull
 */
export function readFull(reader: ByteReader, into: Uint8Array): Awaitable<number> {
  const size = lentSize("into", into);
  let at = 0;
  while (at < size) {
    const count = readOnce(reader, restOf("into", into, at, size));
    if (count instanceof Promise) return readRest(reader, into, at, size, count);
    if (count === 0) return endedAt(at);
    at += count;
  }
  return size;
}

async function readRest(
  reader: ByteReader,
  into: Uint8Array,
  start: number,
  size: number,
  first: Promise<number | null>,
): Promise<number> {
  let at = start;
  let coming: number | Promise<number | null> = first;
  for (;;) {
    const count = readCount(await coming, size - at);
    if (count === 0) return endedAt(at);
    at += count;
    if (at === size) return size;
    coming = readOnce(reader, restOf("into", into, at, size));
  }
}

function endedAt(at: number): number {
  if (at > 0) throw new TransportError("UNEXPECTED_END");
  return 0;
}

/**
 * Fills `into` with the next bytes. The end of the stream is an error.
 *
 * @param into Lent until the call, or its promise, is done.
 * @throws {TransportError} `UNEXPECTED_END`
 */
export function readExactly(reader: ByteReader, into: Uint8Array): Awaitable<void> {
  // Its length now: the array may grow meanwhile.
  const size = lentSize("into", into);
  const count = readFull(reader, into);
  if (count instanceof Promise) return count.then((read) => checkWhole(size, read));
  checkWhole(size, count);
}

function checkWhole(size: number, count: number): void {
  if (count < size) throw new TransportError("UNEXPECTED_END");
}

/** Bytes of room at the beginning; for longer data the room grows as the data comes. */
const firstRoom = 64 * 1024;

/**
 * Reads exactly `length` bytes into an array that grows as they come: a large length that a peer declares costs nothing by
 * itself.
 *
 * @param length 0 to 2^53 - 1. The caller must limit it.
 * @returns A new array, which the caller owns.
 * @throws {TypeError} `length` is no number.
 * @throws {RangeError} `length` is no integer from 0 to 2^53 - 1.
 * @throws {TransportError} `UNEXPECTED_END`
 */
export async function readBytes(
  reader: ByteReader,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  checkLimit("length", length);
  if (!Number.isSafeInteger(length))
    throw wrongValue("length", "an integer up to 2^53 - 1", length);
  let bytes = new Uint8Array(Math.min(length, firstRoom));
  let at = 0;
  for (;;) {
    await readExactly(reader, at === 0 ? bytes : bytes.subarray(at));
    at = bytes.length;
    if (at === length) return bytes;
    const grown = new Uint8Array(Math.min(length, 2 * at));
    grown.set(bytes);
    bytes = grown;
  }
}

/** Options of {@link readAll}. */
export interface ReadAllOptions {
  /** Bytes that are taken, at most. Default: 16 MiB. Infinity for no limit. */
  readonly maxSize?: number | undefined;
}

const defaultMaxSize = 16 * 1024 ** 2;

/**
 * Reads to the end of a stream, or of a message if `reader` is a Reader.
 *
 * @returns A new array, which the caller owns.
 * @throws {LimitError} `MESSAGE_TOO_BIG`
 * @see Go io.ReadAll
 */
export async function readAll(
  reader: ByteReader,
  { maxSize = defaultMaxSize }: ReadAllOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  checkLimit("maxSize", maxSize);
  const pieces: Uint8Array[] = [];
  let size = 0;
  let room = new Uint8Array(4096);
  let at = 0;
  for (;;) {
    const count = readCount(await readOnce(reader, room.subarray(at)), room.length - at);
    if (count === 0) break;
    at += count;
    size += count;
    if (size > maxSize) throw new LimitError("MESSAGE_TOO_BIG", maxSize, size);
    if (at === room.length) {
      pieces.push(room);
      room = new Uint8Array(Math.min(2 * at, 1024 ** 2));
      at = 0;
    }
  }
  pieces.push(room.subarray(0, at));
  return concat(pieces);
}

/** Reads from bytes in memory. */
export class BytesReader implements ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /**
   * Begins at the first byte.
   *
   * @param bytes Read in place, not copied.
   */
  constructor(bytes: Uint8Array) {
    checkBytes("bytes", bytes);
    this.#bytes = bytes;
  }

  /** Number of unread bytes. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  read(into: Uint8Array): number {
    checkBytes("into", into);
    const count = Math.min(into.length, this.left);
    copy(into, 0, this.#bytes, this.#at, this.#at + count);
    this.#at += count;
    return count;
  }
}
