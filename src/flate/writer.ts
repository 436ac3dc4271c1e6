/**
 * Compresses messages to a byte stream, as gobwas does. It knows no frames.
 *
 * Theory of operation. Each write is compressed into one buffer, and the buffer is written to the stream behind. `CallOrder`
 * keeps the order of calls that nobody awaits, and the first error. The progress of the message says whether `flush` has
 * something to pass on, and whether the next write must begin with the four bytes that the flush left out.
 *
 * @module
 */

import { checkBetween } from "../arguments.ts";
import { noBytes } from "../bytes.ts";
import { BoundedBuffer } from "../extension/bounded-buffer.ts";
import type { Awaitable, ByteReader, ByteWriter } from "../io/byte-stream.ts";
import { CallOrder, countOf } from "../io/call-order.ts";
import { copyPieces, pieceSize } from "../io/copy.ts";
import { lentSize, restOf } from "../io/rest.ts";
import { writeAll } from "../io/write-all.ts";
import type { Context, Deflater, DeflaterSettings, Engine } from "./engine.ts";

/** Options of a {@link FlateWriter}. */
export interface FlateWriterOptions {
  /** The DEFLATE engine, such as zlibEngine() of `framewire/zlib`. */
  readonly engine: Engine;
  /** Base-2 logarithm of the window, 8 to 15: at most the window that was agreed upon for this side. Default: 15. */
  readonly windowBits?: number | undefined;
  /** 0 (stored) to 9 (smallest). Default: 6, as in zlib. */
  readonly level?: number | undefined;
  /** Memory of the compressor beside its window, 1 to 9. Default: 8, as in zlib. */
  readonly memLevel?: number | undefined;
}

const defaults: DeflaterSettings = { windowBits: 15, level: 6, memLevel: 8 };

/** The stream that a {@link FlateWriter} writes to. */
export interface FlateDest extends ByteWriter {
  /**
   * Whether a message is under way, as a Writer knows. If false, the next write begins a message. Default: a write after
   * {@link FlateWriter.flush} continues the message.
   */
  readonly isInMessage?: boolean | undefined;
}

/**
 * How far the present message has come. "none": it has not begun. "begun": it has. "flushed": all of it is passed on, except the
 * four bytes 00 00 ff ff. The receiver appends them at the end of a message; the writer must send them first if the message
 * continues.
 */
type Progress = "none" | "begun" | "flushed";

const flushTail = Uint8Array.of(0, 0, 0xff, 0xff);

/**
 * Compresses what is written, and passes it on, as a rule to a Writer, whose own `flush` ends the message on the wire.
 *
 * `flush` may be called at the end of a message and in the middle of one. Each message uses the window of the messages before it,
 * until {@link reset}: without context takeover, call `reset` before each message. Calls that are not awaited are done in their
 * order.
 *
 * @example
 * const state = new MessageState();
 * state.setCompressed(true);
 * const writer = new Writer(stream, StateServerSide, OpText, { extensions: [state] });
 * const flate = new FlateWriter(writer, { engine: zlibEngine() });
 * await flate.write(bytes);
 * await flate.flush();
 * await writer.flush();
 *
 * @see RFC 7692, 7.2.1 · gobwas wsflate.Writer
 */
export class FlateWriter implements ByteWriter {
  readonly #engine: Engine;
  readonly #settings: DeflaterSettings;
  #dest: FlateDest;
  #deflater: Deflater | undefined;
  /** The compressor's output, until the stream has taken it. */
  #out: BoundedBuffer = new BoundedBuffer();
  #progress: Progress = "none";
  /** Whether the compressor waits for its next slice. */
  #isSliced = false;
  readonly #calls: CallOrder = new CallOrder();

  /** @throws {RangeError} An option is out of range. */
  constructor(dest: FlateDest, options: FlateWriterOptions) {
    this.#dest = dest;
    this.#engine = options.engine;
    this.#settings = deflaterSettings(options);
  }

  /** The first error, or undefined. Once there is one, each call throws it, until {@link reset}. */
  get error(): unknown {
    return this.#calls.error;
  }

  /** true: each write writes all its bytes, in the order of the calls. */
  get writesWhole(): boolean {
    return true;
  }

  /**
   * Adds bytes to the message. An empty array begins a message, so that `flush` has something to pass on.
   *
   * @param from Lent until the call, or its promise, is done.
   * @returns `from.length`.
   * @throws {TypeError} `from` is no Uint8Array, or is detached: nothing has happened then.
   * @throws The error of the stream.
   * @see gobwas Writer.Write
   */
  write(from: Uint8Array): Awaitable<number> {
    const size = lentSize("from", from);
    const done = this.#calls.remember(
      this.#calls.isWaiting
        ? this.#calls.inTurn(() => this.#put(restOf("from", from, 0, size), false))
        : this.#put(from, false),
    );
    return countOf(done, size);
  }

  /**
   * Adds everything that `reader` gives to the message, 32 KiB at a time. If it gives nothing, a message still begins.
   *
   * @returns Bytes added.
   * @throws The error of `reader`, with the bytes before it in the message; or the error of the stream.
   */
  async readFrom(reader: ByteReader): Promise<number> {
    const total = await copyPieces(reader, this, pieceSize);
    if (total === 0) await this.write(noBytes);
    return total;
  }

  /**
   * Passes on everything that was written, so that the receiver can decompress it. Does nothing if nothing was written.
   *
   * If the message ends here, the output is a whole message, without the four bytes that the receiver appends. The next write
   * continues the message, unless the message was ended: by the `flush` of the Writer behind, or by {@link end}.
   *
   * @throws The error of the stream.
   * @see gobwas Writer.Flush
   */
  flush(): Awaitable<void> {
    return this.#calls.remember(
      this.#calls.isWaiting ? this.#calls.inTurn(() => this.#flush()) : this.#flush(),
    );
  }

  /**
   * Ends the message: like {@link flush}, but the next write begins another message, even if the stream is no Writer and cannot
   * tell. The window is kept.
   *
   * @throws The error of the stream.
   */
  end(): Awaitable<void> {
    return this.#calls.remember(
      this.#calls.isWaiting ? this.#calls.inTurn(() => this.#end()) : this.#end(),
    );
  }

  /**
   * Ends the message, like {@link end}, and frees the compressor. The stream stays open; the next write begins with an empty
   * window.
   *
   * @throws The error of the stream.
   * @see gobwas Writer.Close
   */
  close(): Awaitable<void> {
    return this.#calls.remember(
      this.#calls.isWaiting ? this.#calls.inTurn(() => this.#endAndFree()) : this.#endAndFree(),
    );
  }

  /**
   * Begins again on another stream, with an empty window. An earlier error is forgotten, and bytes that were not passed on are
   * dropped. Calls that still wait fail with a TypeError: their bytes are dropped too.
   *
   * @see gobwas Writer.Reset
   */
  reset(dest: FlateDest): void {
    this.#dest = dest;
    // A call under way keeps the old buffer and, in the middle of its work, the old compressor: it closes that at its end.
    if (this.#calls.isBusy) this.#out = new BoundedBuffer();
    if (this.#isSliced) this.#deflater = undefined;
    this.#deflater?.reset();
    this.#isSliced = false;
    this.#progress = "none";
    this.#calls.reset();
  }

  #flush(): Awaitable<void> {
    if (this.#progress === "begun") return this.#put(noBytes, true);
  }

  #end(): Awaitable<void> {
    const flushed = this.#flush();
    if (!(flushed instanceof Promise)) return this.#forget();
    const { round } = this.#calls;
    // If a reset came meanwhile, it has already ended the message; it drops nothing, since all of the message was passed on.
    return flushed.then(() => {
      if (this.#calls.round === round) this.#forget();
    });
  }

  #forget(): void {
    this.#progress = "none";
  }

  #endAndFree(): Awaitable<void> {
    const ended = this.#end();
    if (!(ended instanceof Promise)) return this.#free();
    const { round } = this.#calls;
    return ended.then(() => {
      if (this.#calls.round === round) this.#free();
    });
  }

  #free(): void {
    this.#deflater?.close();
    this.#deflater = undefined;
  }

  /** Compresses a piece and passes it on. An error is kept and thrown by all later calls. */
  #put(from: Uint8Array, isLast: boolean): Awaitable<void> {
    const { round } = this.#calls;
    try {
      const passed = this.#compress(from, isLast);
      if (passed instanceof Promise) return passed.catch((error) => this.#fail(error, round));
    } catch (error) {
      this.#fail(error, round);
    }
  }

  #compress(from: Uint8Array, isLast: boolean): Awaitable<void> {
    const deflater = (this.#deflater ??= this.#engine.newDeflater(this.#settings));
    const out = this.#out;
    out.clear();
    if (this.#progress === "flushed" && this.#dest.isInMessage !== false) {
      out.add(flushTail, 0, flushTail.length);
    }
    this.#progress = isLast ? "flushed" : "begun";
    if (deflater.deflate(from, 0, from.length, isLast, out)) return this.#pass(out);
    return this.#goOn(deflater, out);
  }

  async #goOn(deflater: Deflater, out: BoundedBuffer): Promise<void> {
    const { round } = this.#calls;
    let isDone = false;
    while (!isDone) {
      this.#isSliced = true;
      await ready(deflater);
      if (this.#calls.round !== round) {
        deflater.close();
        this.#calls.check(round);
      }
      this.#isSliced = false;
      isDone = deflater.goOn(out);
    }
    await this.#pass(out);
  }

  #pass(out: BoundedBuffer): Awaitable<void> {
    this.#calls.enter();
    try {
      return writeAll(this.#dest, out.bytes.subarray(0, out.size));
    } finally {
      this.#calls.leave();
    }
  }

  #fail(error: unknown, round: number): never {
    if (this.#calls.round === round) this.#free();
    return this.#calls.fail(error, round);
  }
}

/** Waits until a context can go on with its remaining work. */
export function ready(context: Context): Promise<void> {
  return new Promise((resolve) => {
    context.whenReady(resolve);
  });
}

/**
 * Gives the settings, with defaults filled in.
 *
 * @throws {RangeError} An option is out of range.
 */
export function deflaterSettings(options: FlateWriterOptions): DeflaterSettings {
  const settings = {
    windowBits: options.windowBits ?? defaults.windowBits,
    level: options.level ?? defaults.level,
    memLevel: options.memLevel ?? defaults.memLevel,
  };
  checkBetween("windowBits", settings.windowBits, 8, 15);
  checkBetween("level", settings.level, 0, 9);
  checkBetween("memLevel", settings.memLevel, 1, 9);
  return settings;
}
