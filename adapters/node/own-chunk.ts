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

/** Delivers a chunk whose memory nobody else uses. */
export function deliverOwn(handler: TransportHandler, own: Uint8Array): void {
  const before = chunk;
  const memoryBefore = memory;
  chunk = own;
  memory = own.buffer as ArrayBuffer;
  try {
    handler.onData(own);
  } finally {
    chunk = before;
    memory = memoryBefore;
  }
}

/** Gives the ArrayBuffer of `bytes`, if this is the chunk that {@link deliverOwn} delivers now. */
export function memoryOf(bytes: Uint8Array): ArrayBuffer | undefined {
  return bytes === chunk ? memory : undefined;
}
