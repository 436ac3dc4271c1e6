/**
 * Whole writes to streams whose `write` may take only a part. Each write is one unit: other writes to the same stream go before
 * it or behind it.
 *
 * Theory of operation. A stream is free, or it has a lane: a promise for the end of the last write, for which the next write
 * waits. A stream that takes everything at once stays free, so that the usual write costs one look-up in a WeakMap and no
 * promise. If a write fails after a part was taken, half a frame is on the wire: the lane is then broken, and every later write
 * throws the error. A write that begins inside the stream's own `write` call finds no lane yet: it opens one behind a gate, which
 * the outer write opens at its end.
 */

import { type Deferred, newDeferred, quiet } from "../deferred.ts";
import type { Awaitable, ByteWriter } from "./byte-stream.ts";
import { writeCount, writeOnce } from "./once.ts";
import { lentSize, restOf } from "./rest.ts";

/** The lane of a stream on which a write failed halfway: the peer would take later bytes for the rest of that write. */
class Broken {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/**
 * The lane of each stream that is not free. Its promise settles at the end of the last write, and never rejects.
 */
const lanes = new WeakMap<ByteWriter, Promise<void> | Broken>();

/** The innermost stream whose `write` is on the stack and that has no lane; as a rule there is none. */
let calling: ByteWriter | undefined;

/** The streams around `calling`, whose `write` calls its `write`: there are some only if one stream wraps another. */
const around: ByteWriter[] = [];

/** Streams on the stack that were written to from within, each with the gate that opens at the end of the outer write. */
const gates = new Map<ByteWriter, Deferred<void>>();

/**
 * Writes all of `from` as one unit. Other writes to the same stream by the functions and classes of this library go before it or
 * behind it, in the order of the calls, even if the stream takes only parts and nobody awaits the writes.
 *
 * @param from Lent until the call, or its promise, is done.
 * @returns A promise whose rejection is not reported as unhandled, or undefined.
 * @throws {TypeError} `from` is no Uint8Array, or is detached; or it was detached or shrunk meanwhile.
 * @throws {TransportError} `FAILED`: the stream takes nothing, or gives no count.
 * @throws The error of the stream. If a write fails after a part was taken, all later writes throw the same error: half a frame
 * is on the wire.
 */
export function writeAll(writer: ByteWriter, from: Uint8Array): Awaitable<void> {
  if (lentSize("from", from) === 0) return undefined;
  if (writer.writesWhole === true) return withoutReport(writeNow(writer, from));
  const before = lanes.get(writer);
  if (before === undefined) return writeFree(writer, from);
  if (before instanceof Broken) throw before.error;
  return follow(writer, writeBehind(writer, from, before));
}

/** Prevents the report of a rejection: if nobody awaits a write, the next write tells of its failure. */
function withoutReport(done: Awaitable<void>): Awaitable<void> {
  return done instanceof Promise ? quiet(done) : undefined;
}

/** Writes to a stream that has no lane. */
function writeFree(writer: ByteWriter, from: Uint8Array): Awaitable<void> {
  const outer = calling;
  if (outer !== undefined) {
    if (outer === writer || around.includes(writer)) return writeWithin(writer, from);
    around.push(outer);
  }
  let done: Awaitable<void> = undefined;
  calling = writer;
  try {
    done = writeNow(writer, from);
  } finally {
    calling = outer;
    if (outer !== undefined) around.pop();
    openGate(writer, done);
  }
  // A write from within has taken the lane, and waits for this one at its gate.
  return done instanceof Promise && !lanes.has(writer) ? follow(writer, done) : done;
}

/** Writes behind the outer write to the same stream, which is on the stack. */
function writeWithin(writer: ByteWriter, from: Uint8Array): Promise<void> {
  const gate = newDeferred<void>();
  gates.set(writer, gate);
  return follow(writer, writeBehind(writer, from, gate.promise));
}

/** Opens the gate of a stream. @param done The outer write; undefined if it is done, or has thrown. */
function openGate(writer: ByteWriter, done: Awaitable<void>): void {
  const gate = gates.get(writer);
  if (gate === undefined) return;
  gates.delete(writer);
  if (done instanceof Promise) done.then(gate.resolve, gate.resolve);
  else gate.resolve();
}

/** Begins to write at once, and makes no promise as long as the stream makes none. */
function writeNow(writer: ByteWriter, from: Uint8Array): Awaitable<void> {
  const size = from.length;
  const count = writeOnce(writer, from);
  return count === size ? undefined : writeRest(writer, from, size, count);
}

/** Goes on with a write of which a part was taken, or whose stream gave a promise. */
function writeRest(
  writer: ByteWriter,
  from: Uint8Array,
  size: number,
  first: number | Promise<number>,
): Awaitable<void> {
  let at = 0;
  let count = first;
  try {
    while (!(count instanceof Promise)) {
      at += count;
      if (at >= size) return undefined;
      count = writeOnce(writer, restOf("from", from, at, size));
    }
  } catch (error) {
    failAt(writer, at, error);
  }
  return writeLater(writer, from, at, size, count);
}

async function writeLater(
  writer: ByteWriter,
  from: Uint8Array,
  start: number,
  size: number,
  first: number | Promise<number>,
): Promise<void> {
  let at = start;
  let coming = first;
  try {
    for (;;) {
      at += writeCount(await coming, size - at);
      if (at === size) return;
      coming = writeOnce(writer, restOf("from", from, at, size));
    }
  } catch (error) {
    failAt(writer, at, error);
  }
}

async function writeBehind(
  writer: ByteWriter,
  from: Uint8Array,
  before: Promise<void>,
): Promise<void> {
  const size = from.length;
  await before;
  const lane = lanes.get(writer);
  if (lane instanceof Broken) throw lane.error;
  await writeLater(writer, from, 0, size, writeOnce(writer, restOf("from", from, 0, size)));
}

/** Makes later writes wait for `done`. */
function follow(writer: ByteWriter, done: Promise<void>): Promise<void> {
  const free = (): void => {
    if (lanes.get(writer) === last) lanes.delete(writer);
  };
  const last = done.then(free, free);
  lanes.set(writer, last);
  return done;
}

/** Throws the error of a write. If nothing was taken, the stream is not broken: waiting writes still try. */
function failAt(writer: ByteWriter, at: number, error: unknown): never {
  if (at > 0) lanes.set(writer, new Broken(error));
  throw error;
}
