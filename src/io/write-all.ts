/**
 * Whole writes to streams that may take a part of what they are given, each one unit: what else is written to the same stream
 * goes before it or behind it.
 *
 * Theory of operation. A stream is free, or it has a lane: a promise for the end of the last write that was begun, which the
 * next one waits for. It is free as long as it takes all at once, so the usual write asks a WeakMap once and makes no promise.
 * Where a write fails after it has taken a part, half a frame is on the wire: the lane is broken for good, and gives the error
 * to all that comes. A write that is begun while the stream's own `write` is on the stack finds no lane yet: it opens one
 * behind a gate, which the write around it opens at its end.
 *
 * @module
 */

import { type Deferred, newDeferred, quiet } from "../deferred.ts";
import type { Awaitable, ByteWriter } from "./byte-stream.ts";
import { writeCount, writeOnce } from "./once.ts";
import { lentSize, restOf } from "./rest.ts";

/** A write failed in the middle of its bytes: the peer would take whatever follows for the rest of them. */
class Broken {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/**
 * What the next write to a stream waits for: the end of the last one that was begun, which never rejects. Nothing where the
 * stream is free.
 */
const lanes = new WeakMap<ByteWriter, Promise<void> | Broken>();

/** The stream without a lane whose `write` is on the stack, the innermost one; as a rule there is none. */
let calling: ByteWriter | undefined;

/** The streams around it, whose `write` calls its `write`. There are some only where one stream is made of another. */
const around: ByteWriter[] = [];

/** Streams on the stack that were written to from within, each with the gate that opens when the outer write is done. */
const gates = new Map<ByteWriter, Deferred<void>>();

/**
 * Writes all of `from` as one unit: what else goes to the same stream by the functions and classes of this library goes
 * before it or behind it, in the order of the calls, also where the stream takes a part at a time and where nobody awaits.
 *
 * @param from Lent until the call, or its promise, is done.
 * @returns A rejection that nobody awaits is not reported as unhandled.
 * @throws {TypeError} `from` is no Uint8Array, or is detached; or it was detached or shrunk meanwhile.
 * @throws {TransportError} `FAILED`: the stream takes nothing, or gives no count. Else what the stream throws. Where a write
 * fails after it has taken a part, those that wait, and all to come, throw the same: half a frame is on the wire.
 */
export function writeAll(writer: ByteWriter, from: Uint8Array): Awaitable<void> {
  if (lentSize("from", from) === 0) return undefined;
  if (writer.writesWhole === true) return withoutReport(writeNow(writer, from));
  const before = lanes.get(writer);
  if (before === undefined) return writeFree(writer, from);
  if (before instanceof Broken) throw before.error;
  return follow(writer, writeBehind(writer, from, before));
}

/** Who does not await a write need not hear of its failure: the next one tells. */
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
  // What was written from within has taken the lane, and waits for this one at its gate.
  return done instanceof Promise && !lanes.has(writer) ? follow(writer, done) : done;
}

/** Writes behind the write of the same stream that is on the stack. */
function writeWithin(writer: ByteWriter, from: Uint8Array): Promise<void> {
  const gate = newDeferred<void>();
  gates.set(writer, gate);
  return follow(writer, writeBehind(writer, from, gate.promise));
}

/** @param done What the write around is waited for by; undefined where it is done, or has thrown. */
function openGate(writer: ByteWriter, done: Awaitable<void>): void {
  const gate = gates.get(writer);
  if (gate === undefined) return;
  gates.delete(writer);
  if (done instanceof Promise) done.then(gate.resolve, gate.resolve);
  else gate.resolve();
}

/** Begins at once, and goes on without a promise as long as the stream does. */
function writeNow(writer: ByteWriter, from: Uint8Array): Awaitable<void> {
  const size = from.length;
  const count = writeOnce(writer, from);
  return count === size ? undefined : writeRest(writer, from, size, count);
}

/** Goes on with a write that has taken a part, or takes its time. */
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
