/**
 * What a DEFLATE engine must do for permessage-deflate. Types only; `framewire/zlib` has one on the runtimes' own zlib.
 *
 * @module
 */

import type { Clock } from "../clock.ts";
import type { BoundedBuffer } from "../extension/bounded-buffer.ts";

/** What a compressor is made with. */
export interface DeflaterSettings {
  /** Base-2 logarithm of the LZ77 window, 8 to 15: no distance that is written may exceed it. */
  readonly windowBits: number;
  /** 0 (stored) to 9 (smallest). */
  readonly level: number;
  /** 1 to 9: memory for speed and for what is found. */
  readonly memLevel: number;
}

/** What a decompressor is made with. */
export interface InflaterSettings {
  /** Base-2 logarithm of the LZ77 window that the peer keeps to, 8 to 15. */
  readonly windowBits: number;
}

/** What compressors and decompressors have in common. Memory is taken at the first use, not when one is made. */
export interface Context {
  /** Bytes that it holds while it is in use, as far as they are known. */
  readonly memory: number;
  /** Goes on with what the last call left; call {@link whenReady} first. @returns Whether all is done. */
  goOn(into: BoundedBuffer): boolean;
  /** Calls `task` once, in a later turn of the event loop, when {@link goOn} is worth a call. */
  whenReady(task: () => void): void;
  /** Forgets the window, and whatever message is under way: the next one begins anew. */
  reset(): void;
  /**
   * Whether {@link rest} may be called in the middle of the message that is under way. It is asked between two calls, and
   * may be no longer true after the next one. Undefined for never.
   */
  readonly canRest?: boolean | undefined;
  /**
   * Frees what can be had again; the next call takes it again. Inside a message only where {@link canRest} says so. A
   * decompressor keeps its window, a compressor need not: what it writes next does without.
   */
  rest(): void;
  /** Frees everything, for good; nothing else is called afterwards. A second call is harmless. */
  close(): void;
}

/**
 * Compresses messages one after the other, each with the window of those before it until `reset` (RFC 7692, 7.2.1).
 */
export interface Deflater extends Context {
  /**
   * Takes a piece of a message.
   *
   * What is added is DEFLATE data that ends, with the message, on a byte's border, without the last four bytes
   * 00 00 ff ff; an empty message is one byte 00 (7.2.3.6).
   *
   * @param bytes `[start, end)` is valid until the call returns; what is needed later is copied.
   * @returns Whether all is done; a large piece is done in slices, by {@link goOn}.
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

/** Decompresses messages one after the other, each with the window of those before it until `reset` (RFC 7692, 7.2.2). */
export interface Inflater extends Context {
  /**
   * Takes a piece of a message's payload, as it was on the wire.
   *
   * Takes blocks with BFINAL, also with other blocks behind them, without losing the window (7.2.3.4), a payload whose
   * last four bytes 00 00 ff ff are still there, and an empty one.
   *
   * @param bytes `[start, end)` is valid until the call returns; what is needed later is copied.
   * @returns Whether all is done; what gets large is done in slices, by {@link goOn}.
   * @throws {TypeError} `bytes` is no Uint8Array, which a caller in plain JavaScript may give: nothing has happened then.
   * @throws {ProtocolError} `INVALID_DEFLATE`: not DEFLATE data, a distance that is too far, or a message that ends
   * inside a block. Nothing but `close` is called afterwards.
   * @throws {LimitError} `MESSAGE_TOO_BIG`, by `into`, as soon as it is passed. Nothing but `close` is called afterwards.
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
   * Tells whether it works, which is asked before compression is offered or accepted: where it does not, it is neither, and
   * messages are sent as they are. Default: it does.
   */
  isUsable?(): boolean;
  /** Makes a compressor with an empty window. The caller closes it. */
  newDeflater(settings: DeflaterSettings): Deflater;
  /** Makes a decompressor with an empty window. The caller closes it. */
  newInflater(settings: InflaterSettings): Inflater;
  /**
   * Where the time of what idles is kept, where nobody says otherwise: its timers do not keep a process alive, so that one with
   * sessions that nobody has closed ends all the same. Default: the runtime's own time, whose timers do.
   */
  readonly clock?: Clock | undefined;
}
