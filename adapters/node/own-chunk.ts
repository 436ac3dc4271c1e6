/**
 * Tells who makes the bytes of messages which chunk has memory of its own: its messages need no copies.
 *
 * Theory of operation. A chunk is delivered by a call, and its messages are made inside this call. So one variable of the module
 * says which chunk it is, and is set back when the call returns.
 *
 * @module
 */

import type { TransportHandler } from "../../src/transport.ts";

let chunk: Uint8Array | undefined;

/** The buffer of the chunk: on V8, reading `buffer` from an array costs as much as making a view. */
let memory: ArrayBuffer | undefined;

/** Where the chunk begins in it, which costs the same. */
let offset = 0;

/**
 * Delivers a chunk whose memory nobody else uses.
 *
 * @param ownMemory Its ArrayBuffer.
 * @param ownOffset Where it begins there.
 */
export function deliverOwn(
  handler: TransportHandler,
  own: Uint8Array,
  ownMemory: ArrayBuffer = own.buffer as ArrayBuffer,
  ownOffset: number = own.byteOffset,
): void {
  const before = chunk;
  const memoryBefore = memory;
  const offsetBefore = offset;
  chunk = own;
  memory = ownMemory;
  offset = ownOffset;
  try {
    handler.onData(own);
  } finally {
    chunk = before;
    memory = memoryBefore;
    offset = offsetBefore;
  }
}

/** As {@link deliverOwn}, for a Buffer: it is delivered as a plain Uint8Array, since `slice` of a Buffer makes no copy. */
export function deliverOwnBuffer(
  handler: TransportHandler,
  { buffer, byteOffset, length }: Uint8Array,
): void {
  const own = new Uint8Array(buffer, byteOffset, length);
  deliverOwn(handler, own, buffer as ArrayBuffer, byteOffset);
}

/** Gives the ArrayBuffer of `bytes`, if this is the chunk that {@link deliverOwn} delivers now. */
export function memoryOf(bytes: Uint8Array): ArrayBuffer | undefined {
  return bytes === chunk ? memory : undefined;
}

/** Gives the index in its ArrayBuffer at which this chunk begins. */
export function chunkOffset(): number {
  return offset;
}
