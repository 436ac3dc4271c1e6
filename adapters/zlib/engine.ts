/**
 * The zlib of Node, Deno and Bun as permessage-deflate's engine: the same code on the three.
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
import { OpenDeflater, OpenInflater, type Zlib } from "./open.ts";
import { wayWorks } from "./trial.ts";

export type { OneShotZlib } from "./one-shot.ts";
export type { Zlib } from "./open.ts";

/** How zlib is called: on streams that stay open, or anew for each message. */
export type ZlibWay = "open" | "one-shot";

/** Options of {@link zlibEngine}. */
export interface ZlibOptions {
  /**
   * How zlib is called. Default: on open streams where the runtime lets it, which is tried out at the first use; Node,
   * Deno and Bun do at present. The other way does the same, more slowly; on Deno, whose one-shot calls take no
   * dictionary, its messages get larger: they refer to none before them. It is tried out likewise.
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
 * Makes an engine. Where zlib works in no way that is known, or not in the `way` that is named, nothing is compressed: no
 * compression is offered or accepted, and a warning of the process says so, once.
 *
 * @throws {RangeError} `sliceSize` is below 1.
 */
export function zlibEngine(options: ZlibOptions = {}): Engine {
  return engineWithTrials({ open: openStreamsWork, "one-shot": oneShotWorks }, options);
}

/** As {@link zlibEngine}, with other trials than the runtime's zlib has to pass. */
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

/** Tells which way is the better one on this runtime; undefined where neither works. */
export function bestWay(): ZlibWay | undefined {
  return openStreamsWork() ? "open" : oneShotWorks() ? "one-shot" : undefined;
}

/** What the runtime's own calls came to, which is asked for once. */
let doOpenStreamsWork: boolean | undefined;
let doOneShotCallsWork: boolean | undefined;

/**
 * Tells whether open streams can be called synchronously, by what comes of it: messages there and back with several
 * windows, with and without those before them, and data that is wrong, or too large, refused.
 *
 * @param zlib What makes the streams. Default: `node:zlib`.
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
 * Tells the same of one-shot calls, of which a runtime may leave out what they take from Node: Deno up to 2.4 knows neither
 * `info` nor `maxOutputLength`.
 *
 * @param zlib Whose calls. Default: `node:zlib`.
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

/** Whether what is inflated stops at the limit, rather than is measured when it is there. */
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

/** Tells whether one-shot calls compress with a dictionary: a runtime may take it and say nothing. */
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
