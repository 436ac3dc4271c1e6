/**
 * Streams of zlib for tests: with a call that does something else, or with their calls counted.
 *
 * @module
 */

import { createDeflateRaw, createInflateRaw } from "node:zlib";
import type { Zlib } from "../../adapters/zlib/open-stream.ts";

/** The functions of this runtime. */
export const real: Zlib = { createDeflateRaw, createInflateRaw };

/** A stream whose synchronous call does what is given. */
export function broken(writeSync: () => void): object {
  const state = new Uint32Array(2);
  const handle = { onerror: () => {}, writeSync, reset() {} };
  return { _handle: handle, _writeState: state, on() {}, close() {} };
}

/** zlib whose calls are counted: streams that were made, resets, writes, and bytes of input. */
export function countingZlib(): {
  zlib: Zlib;
  counts: { streams: number; resets: number; writes: number; bytes: number };
} {
  const counts = { streams: 0, resets: 0, writes: 0, bytes: 0 };
  const counted = (stream: object): object => {
    counts.streams++;
    const { _handle: handle } = stream as {
      _handle: {
        reset(): void;
        writeSync(flush: number, bytes: Uint8Array, start: number, length: number): unknown;
      };
    };
    const write = handle.writeSync.bind(handle) as (...values: unknown[]) => unknown;
    const reset = handle.reset.bind(handle);
    handle.writeSync = (...values) => {
      counts.writes++;
      counts.bytes += values[3];
      return write(...values);
    };
    handle.reset = () => {
      counts.resets++;
      reset();
    };
    return stream;
  };
  const zlib: Zlib = {
    createDeflateRaw: (options) => counted(createDeflateRaw(options)),
    createInflateRaw: (options) => counted(createInflateRaw(options)),
  };
  return { zlib, counts };
}
