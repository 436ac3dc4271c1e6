/**
 * The zlib of Node, Deno and Bun as permessage-deflate's engine: the same code on the three.
 *
 * @module
 */

import { clearInterval, setInterval } from "node:timers";
import { deflateRawSync } from "node:zlib";
import { encodeUtf8 } from "../src/bytes.ts";
import type { Clock } from "../src/clock.ts";
import { ProtocolError } from "../src/errors.ts";
import { Growing } from "../src/extension/growing.ts";
import type { Deflater, Engine, Inflater } from "../src/flate/engine.ts";
import { OneShotDeflater, OneShotInflater } from "./zlib-one-shot.ts";
import { OpenDeflater, OpenInflater, type Zlib } from "./zlib-open.ts";

export type { Zlib } from "./zlib-open.ts";

/** How zlib is called: on streams that stay open, or anew for each message. */
export type ZlibWay = "open" | "one-shot";

/** Options of {@link zlibEngine}. */
export interface ZlibOptions {
  /**
   * How zlib is called. Default: on open streams where the runtime lets it, which is tried out at the first use; Node,
   * Deno and Bun do at present. The other way does the same, more slowly; on Deno, whose one-shot calls take no
   * dictionary, its messages get larger: they refer to none before them.
   */
  readonly way?: ZlibWay | undefined;
  /**
   * Bytes of a message that are compressed, and an eighth of those that are decompressed, in one turn of the event loop.
   * Default: 128 KiB, which takes one to three milliseconds.
   */
  readonly sliceSize?: number | undefined;
}

const defaultSliceSize = 128 * 1024;

/**
 * Makes an engine.
 *
 * @throws {RangeError} `sliceSize` is below 1.
 */
export function zlibEngine(options: ZlibOptions = {}): Engine {
  const { sliceSize = defaultSliceSize } = options;
  if (!(sliceSize >= 1)) throw new RangeError(`sliceSize must be 1 or more: ${sliceSize}`);
  const way = (): ZlibWay => options.way ?? bestWay();
  return {
    clock: idleClock,
    newDeflater: (settings) =>
      way() === "open"
        ? new OpenDeflater(settings, sliceSize)
        : new OneShotDeflater(settings, sliceSize, dictionariesWork()),
    newInflater: (settings) =>
      way() === "open" ? new OpenInflater(settings, sliceSize) : new OneShotInflater(settings),
  };
}

/** Time whose timers keep no process alive: what nobody has closed is freed with it. */
const idleClock: Clock = {
  now: () => performance.now(),
  every(milliseconds, task) {
    const timer = setInterval(task, milliseconds).unref();
    return () => {
      clearInterval(timer);
    };
  },
};

let way: ZlibWay | undefined;

/** Tells which way is the better one on this runtime. */
export function bestWay(): ZlibWay {
  return (way ??= openStreamsWork() ? "open" : "one-shot");
}

/**
 * Tells whether open streams can be called synchronously, by what comes of it: two messages there and back, the second
 * one with the window of the first, and data that is wrong, refused.
 *
 * @param zlib What makes the streams. Default: `node:zlib`.
 */
export function openStreamsWork(zlib?: Zlib): boolean {
  const deflater = new OpenDeflater({ windowBits: 9, level: 6, memLevel: 1 }, Infinity, zlib);
  const inflater = new OpenInflater({ windowBits: 9 }, Infinity, zlib);
  try {
    return goThereAndBack(deflater, inflater) && refuses(inflater);
  } catch {
    return false;
  } finally {
    deflater.close();
    inflater.close();
  }
}

const sample = "What goes there must come back.";

function goThereAndBack(deflater: Deflater, inflater: Inflater): boolean {
  const message = encodeUtf8(sample);
  const sizes: number[] = [];
  for (let round = 0; round < 2; round++) {
    const there = new Growing();
    const back = new Growing(message.length);
    deflater.deflate(message, 0, message.length, true, there);
    inflater.inflate(there.bytes, 0, there.size, true, back);
    sizes.push(there.size);
    const came = back.take();
    if (came.length !== message.length || !came.every((byte, i) => byte === message[i]))
      return false;
  }
  return sizes[1]! < sizes[0]!;
}

function refuses(inflater: Inflater): boolean {
  try {
    inflater.inflate(Uint8Array.of(0xff), 0, 1, true, new Growing());
  } catch (error) {
    return error instanceof ProtocolError;
  }
  return false;
}

let dictionaries: boolean | undefined;

/** Tells whether one-shot calls compress with a dictionary: a runtime may take it and say nothing. */
export function dictionariesWork(): boolean {
  return (dictionaries ??= tryDictionary());
}

function tryDictionary(): boolean {
  const text = encodeUtf8(sample);
  return deflateRawSync(text, { dictionary: text }).length < deflateRawSync(text).length;
}
