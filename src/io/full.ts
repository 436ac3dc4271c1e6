/**
 * Whole reads and writes over streams that may do a part of what they are asked for.
 *
 * Each goes on without a promise as long as its stream does.
 *
 * @module
 */

import { checkBytes, checkLimit, wrongValue } from "../arguments.ts";
import { concat, copy } from "../bytes.ts";
import { LimitError, TransportError } from "../errors.ts";
import type { Awaitable, ByteReader, ByteWriter } from "./byte-stream.ts";

/**
 * Fills `into` with the next bytes.
 *
 * @param into Lent until the call, or its promise, is done.
 * @returns `into.length`, or 0 where the stream ends before the first byte.
 * @throws {TransportError} `UNEXPECTED_END`: the stream ends in between
 * @see Go io.ReadFull
 */
export function readFull(reader: ByteReader, into: Uint8Array): Awaitable<number> {
  checkBytes("into", into);
  let at = 0;
  while (at < into.length) {
    const count = reader.read(at === 0 ? into : into.subarray(at));
    if (count instanceof Promise) return readRest(reader, into, at, count);
    if (!count) return endedAt(at);
    at += count;
  }
  return at;
}

async function readRest(
  reader: ByteReader,
  into: Uint8Array,
  at: number,
  pending: Promise<number | null>,
): Promise<number> {
  let count = await pending;
  for (;;) {
    if (!count) return endedAt(at);
    at += count;
    if (at === into.length) return at;
    count = await reader.read(into.subarray(at));
  }
}

function endedAt(at: number): number {
  if (at > 0) throw new TransportError("UNEXPECTED_END");
  return 0;
}

/**
 * Fills `into` with the next bytes, which must come.
 *
 * @param into Lent until the call, or its promise, is done.
 * @throws {TransportError} `UNEXPECTED_END`
 */
export function readExactly(reader: ByteReader, into: Uint8Array): Awaitable<void> {
  const count = readFull(reader, into);
  if (count instanceof Promise) return count.then((read) => checkWhole(into, read));
  checkWhole(into, count);
}

function checkWhole(into: Uint8Array, count: number): void {
  if (count < into.length) throw new TransportError("UNEXPECTED_END");
}

/** Bytes that are made room for at once; what is longer gets room as it comes. */
const firstRoom = 64 * 1024;

/**
 * Reads exactly `length` bytes into an array that grows with what comes: a length that a peer declares costs nothing.
 *
 * @param length 0 to 2^53 - 1; what may be asked for is the caller's limit.
 * @returns A new array, yours.
 * @throws {TypeError} `length` is no number.
 * @throws {RangeError} It is no integer from 0 to 2^53 - 1.
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
  /** Bytes that are taken at the most. Default: 16 MiB. Infinity for no limit. */
  readonly maxSize?: number | undefined;
}

const defaultMaxSize = 16 * 1024 ** 2;

/**
 * Reads to the end: of a stream, or of a message where `reader` is a Reader.
 *
 * @returns A new array, yours.
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
    const count = await reader.read(room.subarray(at));
    if (!count) break;
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

/** A write failed in the middle of its bytes: the peer would take whatever follows for the rest of them. */
class Broken {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/**
 * What the next write to a stream waits for: the end of the last one that was begun, which never rejects. Nothing where the
 * stream is free, as it is as long as it takes all at once.
 */
const lanes = new WeakMap<ByteWriter, Promise<void> | Broken>();

/**
 * Writes all of `from` as one unit: what else goes to the same stream by the functions and classes of this library goes
 * before it or behind it, in the order of the calls, also where the stream takes a part at a time and where nobody awaits.
 *
 * @param from Lent until the call, or its promise, is done.
 * @throws What the stream throws; a stream that takes nothing is a {@link TransportError} `FAILED`. Where a write fails
 * after it has taken a part, those that wait, and all to come, throw the same: half a frame is on the wire.
 */
export function writeAll(writer: ByteWriter, from: Uint8Array): Awaitable<void> {
  checkBytes("from", from);
  if (from.length === 0) return undefined;
  if (writer.writesWhole !== true) {
    const before = lanes.get(writer);
    if (before instanceof Broken) throw before.error;
    if (before !== undefined) return follow(writer, writeBehind(writer, from, before));
  }
  const count = writer.write(from);
  return count === from.length ? undefined : writeRest(writer, from, count);
}

/** Goes on with a write that has taken a part, or takes its time. */
function writeRest(
  writer: ByteWriter,
  from: Uint8Array,
  first: number | Promise<number>,
): Awaitable<void> {
  let at = 0;
  let count = first;
  try {
    while (!(count instanceof Promise)) {
      at += progress(count);
      if (at >= from.length) return undefined;
      count = writer.write(from.subarray(at));
    }
  } catch (error) {
    failAt(writer, at, error);
  }
  const done = writeLater(writer, from, at, count);
  return writer.writesWhole === true ? done : follow(writer, done);
}

async function writeLater(
  writer: ByteWriter,
  from: Uint8Array,
  start: number,
  first: Awaitable<number>,
): Promise<void> {
  let at = start;
  try {
    at += progress(await first);
    while (at < from.length) at += progress(await writer.write(from.subarray(at)));
  } catch (error) {
    failAt(writer, at, error);
  }
}

async function writeBehind(
  writer: ByteWriter,
  from: Uint8Array,
  before: Promise<void>,
): Promise<void> {
  await before;
  const lane = lanes.get(writer);
  if (lane instanceof Broken) throw lane.error;
  await writeLater(writer, from, 0, writer.write(from));
}

/** Lets what comes next wait for `done`. */
function follow(writer: ByteWriter, done: Promise<void>): Promise<void> {
  const free = (): void => {
    if (lanes.get(writer) === last) lanes.delete(writer);
  };
  const last = done.then(free, free);
  lanes.set(writer, last);
  return done;
}

/** Where nothing has been taken, the stream stands where it stood: those that wait try for themselves. */
function failAt(writer: ByteWriter, at: number, error: unknown): never {
  if (at > 0) lanes.set(writer, new Broken(error));
  throw error;
}

/** A write that takes nothing would be tried for ever. */
function progress(count: number): number {
  if (!(count > 0)) {
    throw new TransportError("FAILED", { cause: new Error(`write() took ${count} bytes`) });
  }
  return count;
}

/** Reads from bytes in memory. */
export class BytesReader implements ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  /**
   * Begins at the first byte.
   *
   * @param bytes Read where they lie, not copied.
   */
  constructor(bytes: Uint8Array) {
    checkBytes("bytes", bytes);
    this.#bytes = bytes;
  }

  /** Bytes that have not been read. */
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
