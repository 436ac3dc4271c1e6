/**
 * permessage-deflate's engine, made of the zlib of Node, Deno and Bun: the same code on all three.
 *
 * @module
 */

import process from "node:process";
import { clearInterval, setInterval } from "node:timers";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { encodeUtf8 } from "../../src/bytes.ts";
import type { Clock } from "../../src/clock.ts";
import type { Engine } from "../../src/flate/engine.ts";
import { isTooLarge, OneShotDeflater, OneShotInflater, type OneShotZlib } from "./one-shot.ts";
import { OpenDeflater } from "./open-deflater.ts";
import { OpenInflater } from "./open-inflater.ts";
import type { Zlib } from "./open-stream.ts";
import { wayWorks } from "./trial.ts";

export type { OneShotZlib } from "./one-shot.ts";
export type { Zlib } from "./open-stream.ts";

/** The way in which zlib is called: on streams that stay open, or with a new call for each message. */
export type ZlibWay = "open" | "one-shot";

/** Options of {@link zlibEngine}. */
export interface ZlibOptions {
  /**
   * The way in which zlib is called. Default: on open streams if that works, which is tried at the first use; on Node, Deno and
   * Bun it works at present. "one-shot" gives the same results, more slowly. Deno's one-shot calls take no dictionary, so that
   * messages become larger: they refer to no earlier ones. That is also tried.
   */
  readonly way?: ZlibWay | undefined;
  /**
   * Bytes of a message that are compressed in one turn of the event loop; for decompression it is an eighth, in bytes of output.
   * Default: 128 KiB, which takes one to three milliseconds.
   */
  readonly sliceSize?: number | undefined;
}

const defaultSliceSize = 128 * 1024;

/**
 * Makes an engine. If zlib does not work in any known way, or not in the given `way`, compression is neither offered nor
 * accepted, and a process warning says so, once.
 *
 * @throws {RangeError} `sliceSize` is below 1.
 */
export function zlibEngine(options: ZlibOptions = {}): Engine {
  return engineWithTrials({ open: openStreamsWork, "one-shot": oneShotWorks }, options);
}

/** As {@link zlibEngine}, with other trials for the ways. */
export function engineWithTrials(
  trials: Readonly<Record<ZlibWay, () => boolean>>,
  options: ZlibOptions = {},
): Engine {
  const { sliceSize = defaultSliceSize } = options;
  if (!(sliceSize >= 1)) throw new RangeError(`sliceSize must be 1 or more: ${sliceSize}`);
  const named = options.way === undefined ? (["open", "one-shot"] as const) : [options.way];
  let way: ZlibWay | undefined;
  let isTried = false;
  const usable = (): ZlibWay | undefined => {
    if (!isTried) {
      isTried = true;
      way = named.find((one) => trials[one]());
      if (way === undefined) warn();
    }
    return way;
  };
  const needed = (): ZlibWay => {
    const found = usable();
    if (found === undefined) throw new Error(noWay);
    return found;
  };
  return {
    clock: idleClock,
    isUsable: () => usable() !== undefined,
    newDeflater: (settings) =>
      needed() === "open"
        ? new OpenDeflater(settings, sliceSize)
        : new OneShotDeflater(settings, sliceSize, dictionariesWork()),
    newInflater: (settings) =>
      needed() === "open" ? new OpenInflater(settings, sliceSize) : new OneShotInflater(settings),
  };
}

const noWay =
  "This runtime's zlib does not do what permessage-deflate needs: nothing is compressed";

let hasWarned = false;

function warn(): void {
  if (hasWarned) return;
  hasWarned = true;
  process.emitWarning(noWay, { type: "FramewireWarning", code: "FRAMEWIRE_NO_ZLIB" });
}

/** A clock whose timers keep no process alive: at the end of the process, contexts that nobody closed are freed anyway. */
const idleClock: Clock = {
  now: () => performance.now(),
  every(milliseconds, task) {
    const timer = setInterval(task, milliseconds).unref();
    return () => {
      clearInterval(timer);
    };
  },
};

/** Gives the better way on this runtime; undefined if neither works. */
export function bestWay(): ZlibWay | undefined {
  return openStreamsWork() ? "open" : oneShotWorks() ? "one-shot" : undefined;
}

/** The results of the trials of the runtime's calls, each made once. */
let doOpenStreamsWork: boolean | undefined;
let doOneShotCallsWork: boolean | undefined;

/**
 * Tells whether open streams can be called synchronously, by trying it: messages are compressed and decompressed with several
 * windows, with and without earlier messages, and wrong or too large data must be refused.
 *
 * @param zlib Makes the streams. Default: `node:zlib`.
 */
export function openStreamsWork(zlib?: Zlib): boolean {
  if (zlib === undefined && doOpenStreamsWork !== undefined) return doOpenStreamsWork;
  const works = wayWorks({
    keepsWindow: true,
    newDeflater: (settings) => new OpenDeflater(settings, Infinity, zlib),
    newInflater: (settings) => new OpenInflater(settings, Infinity, zlib),
  });
  if (zlib === undefined) doOpenStreamsWork = works;
  return works;
}

/**
 * Tells whether one-shot calls work. A runtime may not have all of Node's options: Deno up to 2.4 has neither `info` nor
 * `maxOutputLength`.
 *
 * @param zlib Has the calls. Default: `node:zlib`.
 */
export function oneShotWorks(zlib?: OneShotZlib): boolean {
  if (zlib === undefined && doOneShotCallsWork !== undefined) return doOneShotCallsWork;
  const keepsWindow = dictionariesWork();
  const works =
    knowsLimit(zlib) &&
    wayWorks({
      keepsWindow,
      newDeflater: (settings) => new OneShotDeflater(settings, Infinity, keepsWindow, zlib),
      newInflater: (settings) => new OneShotInflater(settings, zlib),
    });
  if (zlib === undefined) doOneShotCallsWork = works;
  return works;
}

/** Tells whether decompression stops at the limit, and not only after everything was decompressed. */
function knowsLimit(zlib: Pick<OneShotZlib, "inflateRawSync"> = { inflateRawSync }): boolean {
  const bytes = deflateRawSync(new Uint8Array(1000));
  try {
    zlib.inflateRawSync(bytes, { maxOutputLength: 999 });
  } catch (error) {
    return isTooLarge(error);
  }
  return false;
}

let dictionaries: boolean | undefined;

/** Tells whether one-shot calls compress with a dictionary: a runtime may accept one and ignore it. */
export function dictionariesWork(): boolean {
  return (dictionaries ??= tryDictionary());
}

function tryDictionary(): boolean {
  const text = encodeUtf8("What goes there must come back.");
  try {
    return deflateRawSync(text, { dictionary: text }).length < deflateRawSync(text).length;
  } catch {
    return false;
  }
}
