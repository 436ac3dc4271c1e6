/**
 * Compresses on a zlib stream that stays open.
 *
 * Theory of operation. The stream is made at the first bytes, and can be freed and made again. Before a compressor frees its
 * stream it flushes it, and keeps the output; it goes on with an empty window. Each call works until a slice's worth is done;
 * `Slices` keeps the rest.
 *
 * @module
 */

import { constants } from "node:zlib";
import { noBytes } from "../../src/bytes.ts";
import { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { DeflaterSettings } from "../../src/flate/engine.ts";
import { deflaterMemory, endOf, smallWindow } from "./format.ts";
import { chunkSize, leastRoom, OpenStream, runtimesZlib, type Zlib } from "./open-stream.ts";
import { SlicedDeflater } from "./slices.ts";

/** Compresses on an open stream. */
export class OpenDeflater extends SlicedDeflater {
  readonly #settings: DeflaterSettings;
  readonly #zlib: Zlib;
  #stream: OpenStream | undefined;
  /** Whether everything written so far ends at a byte boundary, by a flush. */
  #isFlushed = true;
  /** The output that was in the stream when it was freed in the middle of a message; it is given first. */
  #held: Uint8Array = noBytes;

  constructor(settings: DeflaterSettings, sliceSize: number, zlib: Zlib = runtimesZlib) {
    super(deflaterMemory(settings), sliceSize);
    this.#settings = settings;
    this.#zlib = zlib;
  }

  protected forget(): void {
    this.#stream?.reset();
    this.#isFlushed = true;
    this.#held = noBytes;
  }

  /** Frees the stream after a flush: the message can go on in another stream, with an empty window. */
  rest(): void {
    if (!this.#isFlushed && this.#stream?.error === undefined) {
      const into = new BoundedBuffer();
      this.#run(constants.Z_SYNC_FLUSH, noBytes, 0, 0, into);
      this.#held = into.take();
      this.#isFlushed = true;
    }
    this.free();
  }

  protected free(): void {
    this.#stream?.close();
    this.#stream = undefined;
  }

  protected compress(
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    into: BoundedBuffer,
  ): void {
    if (this.#held.length > 0) {
      into.add(this.#held, 0, this.#held.length);
      this.#held = noBytes;
    }
    const isSmall = this.#settings.windowBits < smallWindow.bits;
    if (isSmall) {
      // No distance reaches across a full flush, so that none is longer than the window (see smallWindow).
      for (let at = start; at < end; at += smallWindow.piece) {
        this.#run(constants.Z_FULL_FLUSH, bytes, at, Math.min(at + smallWindow.piece, end), into);
      }
    } else if (start < end) {
      const flush = isLast ? constants.Z_SYNC_FLUSH : constants.Z_NO_FLUSH;
      this.#run(flush, bytes, start, end, into);
    } else if (isLast && !this.#isFlushed) {
      this.#run(constants.Z_SYNC_FLUSH, bytes, start, end, into);
    }
    if (isLast) endOf(into, start < end || !this.#isFlushed);
    this.#isFlushed = isLast || isSmall || (start === end && this.#isFlushed);
  }

  #run(flush: number, bytes: Uint8Array, start: number, end: number, into: BoundedBuffer): void {
    const stream = (this.#stream ??= this.#open());
    let at = start;
    do {
      const room = into.room(Math.max(leastRoom, (end - at) >> 2));
      stream.write(flush, bytes, at, end, into.bytes, into.size, room);
      if (stream.error !== undefined) throw new Error(`zlib failed: ${stream.error}`);
      into.commit(room - stream.roomLeft);
      at = end - stream.inputLeft;
    } while (stream.roomLeft === 0);
  }

  #open(): OpenStream {
    const { windowBits, level, memLevel } = this.#settings;
    // zlib itself would silently widen a window of 8 bits.
    const bits = Math.max(windowBits, smallWindow.bits);
    const options = { windowBits: bits, level, memLevel, chunkSize };
    return new OpenStream(this.#zlib.createDeflateRaw(options));
  }
}
