/**
 * The interface of a DEFLATE engine for permessage-deflate (types only). `framewire/zlib` implements it with the runtimes' zlib.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { BoundedBuffer } from "../extension/bounded-buffer.ts";

/** Settings of a compressor. */
export interface DeflaterSettings {
  /** Base-2 logarithm of the LZ77 window, 8 to 15: no written distance may exceed the window. */
  readonly windowBits: number;
  /** 0 (stored) to 9 (smallest). */
  readonly level: number;
  /** 1 to 9: more memory makes it faster, and finds more repetitions. */
  readonly memLevel: number;
}

/** Settings of a decompressor. */
export interface InflaterSettings {
  /** Base-2 logarithm of the LZ77 window that the peer uses at most, 8 to 15. */
  readonly windowBits: number;
}

/** The common part of compressors and decompressors. They allocate memory at the first use, not when they are made. */
export interface Context {
  /** Bytes that it holds while it is in use, as far as they are known. */
  readonly memory: number;
  /** Does the next slice of the work that the last call left; call {@link whenReady} first. @returns Whether all work is done. */
  goOn(into: BoundedBuffer): boolean;
  /** Calls `task` once, in a later turn of the event loop, when {@link goOn} can make progress. */
  whenReady(task: () => void): void;
  /** Forgets the window, and the message under way if there is one: the next message begins with an empty window. */
  reset(): void;
  /**
   * Whether {@link rest} may be called in the middle of the message under way. It is read between two calls, and may become false
   * with the next call. Undefined means never.
   */
  readonly canRest?: boolean | undefined;
  /**
   * Frees memory that the next call can allocate again. Inside a message it is called only if {@link canRest} is true. A
   * decompressor keeps its window. A compressor may drop it: its next output then refers to nothing before.
   */
  rest(): void;
  /** Frees everything. No other call follows, except that `close` may be called again. */
  close(): void;
}

/**
 * Compresses messages one after the other. Each uses the window of the messages before it, until `reset` (RFC 7692, 7.2.1).
 */
export interface Deflater extends Context {
  /**
   * Takes a piece of a message.
   *
   * The output is DEFLATE data. At the end of a message it ends on a byte boundary, without the last four bytes 00 00 ff ff; an
   * empty message becomes one byte 00 (7.2.3.6).
   *
   * @param bytes `[start, end)` is valid until the call returns; copy what is needed later.
   * @returns Whether all work is done; a large piece is done in slices, by {@link goOn}.
   * @throws {TypeError} `bytes` is no Uint8Array, which a caller in plain JavaScript may give: nothing has happened then.
   */
  deflate(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean;
}

/**
 * Decompresses messages one after the other. Each uses the window of the messages before it, until `reset` (RFC 7692, 7.2.2).
 */
export interface Inflater extends Context {
  /**
   * Takes a piece of a message's payload, as received.
   *
   * It accepts blocks with BFINAL, even with other blocks behind them, and keeps the window then (7.2.3.4). It accepts a payload
   * that still ends with the four bytes 00 00 ff ff, and an empty one.
   *
   * @param bytes `[start, end)` is valid until the call returns; copy what is needed later.
   * @returns Whether all work is done; large output is made in slices, by {@link goOn}.
   * @throws {TypeError} `bytes` is no Uint8Array, which a caller in plain JavaScript may give: nothing has happened then.
   * @throws {ProtocolError} `INVALID_DEFLATE`: not DEFLATE data, a distance that is too far, or a message that ends
   * inside a block. Only `close` is called afterwards.
   * @throws {LimitError} `MESSAGE_TOO_BIG`, by `into`, as soon as its limit is exceeded. Only `close` is called afterwards.
   */
  inflate(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): boolean;
}

/** Makes compressors and decompressors. */
export interface Engine {
  /**
   * Tells whether the engine works. It is called before compression is offered or accepted. With false, compression is neither
   * offered nor accepted, and messages are sent uncompressed. Default: it works.
   */
  isUsable?(): boolean;
  /** Makes a compressor with an empty window. The caller closes it. */
  newDeflater(settings: DeflaterSettings): Deflater;
  /** Makes a decompressor with an empty window. The caller closes it. */
  newInflater(settings: InflaterSettings): Inflater;
  /**
   * Keeps the idle times, unless the options name another clock. Its timers do not keep a process alive, so that a process can
   * end while sessions are still open. Default: the runtime's own time, whose timers do keep it alive.
   */
  readonly clock?: Clock | undefined;
}
