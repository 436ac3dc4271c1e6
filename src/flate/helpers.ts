/**
 * Compresses and decompresses whole messages and frames, each independently: no context takeover.
 *
 * @module
 */

import { checkBytes } from "../arguments.ts";
import { BoundedBuffer } from "../extension/bounded-buffer.ts";
import type { Frame } from "../frame/frame.ts";
import type { Header } from "../frame/header.ts";
import type { Awaitable } from "../io/byte-stream.ts";
import type { Context, Deflater, DeflaterSettings, Engine, Inflater } from "./engine.ts";
import { setBit, unsetBit } from "./message.ts";
import { messageLimit } from "./reader.ts";
import { deflaterSettings, type FlateWriterOptions, ready } from "./writer.ts";

/** Options of a {@link Helper}. Decompression accepts any window. */
export interface HelperOptions extends FlateWriterOptions {
  /** Bytes that one decompressed message may have. Default: 16 MiB. 0 or Infinity for no limit. */
  readonly maxMessageSize?: number | undefined;
}

/** The window for decompression. It may be larger than the peer's. */
const anyWindow = { windowBits: 15 };

/**
 * Compresses and decompresses messages, each independently.
 *
 * A call gives a promise only if the engine works in slices, as it does for large messages. Calls may overlap. One compressor and
 * one decompressor are kept for the next call, until {@link close}.
 *
 * @example
 * const helper = new Helper({ engine: zlibEngine() });
 * const frame = await helper.compressFrame(newTextFrame(bytes));
 * await writeFrame(stream, frame);
 *
 * @see gobwas wsflate.Helper
 */
export class Helper {
  readonly #engine: Engine;
  readonly #settings: DeflaterSettings;
  readonly #maxMessageSize: number;
  /** A context of each kind that no call uses now. */
  #deflater: Deflater | undefined;
  #inflater: Inflater | undefined;

  /** @throws {RangeError} An option is out of range. */
  constructor(options: HelperOptions) {
    this.#engine = options.engine;
    this.#settings = deflaterSettings(options);
    this.#maxMessageSize = messageLimit(options.maxMessageSize);
  }

  /**
   * Compresses a message, without the last four bytes, which the receiver appends again (RFC 7692, 7.2.1).
   *
   * @param payload Lent until the call, or its promise, is done.
   * @returns A new array, which the caller owns.
   * @throws {TypeError} `payload` is no Uint8Array.
   * @see gobwas Helper.Compress
   */
  compress(payload: Uint8Array): Awaitable<Uint8Array> {
    const into = new BoundedBuffer();
    const done = this.compressTo(into, payload);
    return done instanceof Promise ? done.then(() => into.take()) : into.take();
  }

  /**
   * Compresses a message, and adds the result to `into`; if that fails, a part of it may be there.
   *
   * @param payload Lent until the call, or its promise, is done.
   * @throws {TypeError} `payload`, or `into.bytes`, is no Uint8Array.
   * @throws {LimitError} `MESSAGE_TOO_BIG`, by `into`
   * @see gobwas Helper.CompressTo
   */
  compressTo(into: BoundedBuffer, payload: Uint8Array): Awaitable<void> {
    checkBytes("into.bytes", into.bytes);
    checkBytes("payload", payload);
    const deflater = this.#deflater ?? this.#engine.newDeflater(this.#settings);
    this.#deflater = undefined;
    try {
      const isDone = deflater.deflate(payload, 0, payload.length, true, into);
      if (!isDone) return this.#compressLater(deflater, into);
    } catch (error) {
      deflater.close();
      throw error;
    }
    this.#keepDeflater(deflater);
  }

  async #compressLater(deflater: Deflater, into: BoundedBuffer): Promise<void> {
    await runToEnd(deflater, into);
    this.#keepDeflater(deflater);
  }

  #keepDeflater(deflater: Deflater): void {
    deflater.reset();
    // One compressor is enough, even if calls overlapped.
    this.#deflater?.close();
    this.#deflater = deflater;
  }

  /**
   * Decompresses a message.
   *
   * @param payload As received, unmasked. Lent until the call, or its promise, is done.
   * @returns A new array, which the caller owns.
   * @throws {TypeError} `payload` is no Uint8Array.
   * @throws {ProtocolError} `INVALID_DEFLATE`
   * @throws {LimitError} `MESSAGE_TOO_BIG`
   * @see gobwas Helper.Decompress, which has no limit
   */
  decompress(payload: Uint8Array): Awaitable<Uint8Array> {
    const into = new BoundedBuffer();
    const done = this.decompressTo(into, payload);
    return done instanceof Promise ? done.then(() => into.take()) : into.take();
  }

  /**
   * Decompresses a message, and adds the result to `into`; if that fails, a part of it may be there. Both limits hold: that of
   * `into` and the helper's.
   *
   * @param payload As received, unmasked. Lent until the call, or its promise, is done.
   * @throws {TypeError} `payload`, or `into.bytes`, is no Uint8Array.
   * @throws {ProtocolError} `INVALID_DEFLATE`
   * @throws {LimitError} `MESSAGE_TOO_BIG`
   * @see gobwas Helper.DecompressTo
   */
  decompressTo(into: BoundedBuffer, payload: Uint8Array): Awaitable<void> {
    checkBytes("into.bytes", into.bytes);
    checkBytes("payload", payload);
    const inflater = this.#inflater ?? this.#engine.newInflater(anyWindow);
    this.#inflater = undefined;
    const { limit } = into;
    into.limit = Math.min(limit, into.cleared + into.size + this.#maxMessageSize);
    try {
      const isDone = inflater.inflate(payload, 0, payload.length, true, into);
      if (!isDone) return this.#decompressLater(inflater, into, limit);
    } catch (error) {
      into.limit = limit;
      inflater.close();
      throw error;
    }
    into.limit = limit;
    this.#keepInflater(inflater);
  }

  async #decompressLater(inflater: Inflater, into: BoundedBuffer, limit: number): Promise<void> {
    try {
      await runToEnd(inflater, into);
    } finally {
      into.limit = limit;
    }
    this.#keepInflater(inflater);
  }

  #keepInflater(inflater: Inflater): void {
    inflater.reset();
    this.#inflater?.close();
    this.#inflater = inflater;
  }

  /**
   * Compresses a frame that is a whole message.
   *
   * @param into Takes the payload, which is valid until `into` is filled again. Default: a new buffer, which the caller owns.
   * @returns A new frame, with RSV1 and the new length.
   * @throws {TypeError} The frame is a fragment, or masked.
   * @throws {ProtocolError} `RSV1_UNEXPECTED`: a control frame, or the bit is already set
   * @see gobwas Helper.CompressFrame, Helper.CompressFrameBuffer
   */
  compressFrame(frame: Frame, into: BoundedBuffer = new BoundedBuffer()): Awaitable<Frame> {
    checkWhole(frame);
    const header = { ...frame.header };
    setBit(header);
    checkUnmasked(frame);
    const start = into.size;
    const done = this.compressTo(into, frame.payload);
    return done instanceof Promise
      ? done.then(() => newFrame(header, into, start))
      : newFrame(header, into, start);
  }

  /**
   * Decompresses a frame that is a whole message. It returns a frame that is not compressed unchanged.
   *
   * @param into Takes the payload, which is valid until `into` is filled again. Default: a new buffer, which the caller owns.
   * @returns A new frame, without RSV1 and with the new length.
   * @throws {TypeError} The frame is a fragment, or masked.
   * @throws {ProtocolError} `RSV1_UNEXPECTED`: the bit on a control frame or a continuation; `INVALID_DEFLATE`
   * @throws {LimitError} `MESSAGE_TOO_BIG`
   * @see gobwas Helper.DecompressFrame, Helper.DecompressFrameBuffer
   */
  decompressFrame(frame: Frame, into: BoundedBuffer = new BoundedBuffer()): Awaitable<Frame> {
    checkWhole(frame);
    const header = { ...frame.header };
    if (!unsetBit(header)) return frame;
    checkUnmasked(frame);
    const start = into.size;
    const done = this.decompressTo(into, frame.payload);
    return done instanceof Promise
      ? done.then(() => newFrame(header, into, start))
      : newFrame(header, into, start);
  }

  /** Frees the contexts that are kept. A later call makes new ones. */
  close(): void {
    this.#deflater?.close();
    this.#inflater?.close();
    this.#deflater = undefined;
    this.#inflater = undefined;
  }
}

/** Does the remaining work of a context. If that fails, the context cannot be used any more. */
async function runToEnd(context: Context, into: BoundedBuffer): Promise<void> {
  try {
    do await ready(context);
    while (!context.goOn(into));
  } catch (error) {
    context.close();
    throw error;
  }
}

function checkWhole({ header }: Frame): void {
  if (!header.fin)
    throw new TypeError("Fragmented messages are not allowed: join the message first");
}

function checkUnmasked({ header }: Frame): void {
  if (header.masked) throw new TypeError("The frame is masked: unmask it first");
}

/** Makes a frame of the bytes in `into` from `start` on. */
function newFrame(header: Header, into: BoundedBuffer, start: number): Frame {
  const payload = into.bytes.subarray(start, into.size);
  header.length = payload.length;
  return { header, payload };
}
