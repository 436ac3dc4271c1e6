/**
 * Messages compressed on their way to a byte stream, as gobwas has it: no frames are known here.
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
  /** What compresses, such as zlibEngine() of `framewire/zlib`. */
  readonly engine: Engine;
  /** Base-2 logarithm of the window, 8 to 15: no larger than what was agreed upon for this side. Default: 15. */
  readonly windowBits?: number | undefined;
  /** 0 (stored) to 9 (smallest). Default: 6, as zlib has it. */
  readonly level?: number | undefined;
  /** Memory that the compressor takes beside its window, 1 to 9. Default: 8, as zlib has it. */
  readonly memLevel?: number | undefined;
}

const defaults: DeflaterSettings = { windowBits: 15, level: 6, memLevel: 8 };

/** What a {@link FlateWriter} writes to. */
export interface FlateDest extends ByteWriter {
  /**
   * Whether a message is under way, as a Writer knows: where not, what is written next begins one. Default: what is written
   * behind {@link FlateWriter.flush} goes on with the message.
   */
  readonly isInMessage?: boolean | undefined;
}

/**
 * How far the present message has come: none has begun; one has; all of it is passed on, but for the four bytes
 * 00 00 ff ff that the receiver puts on at the end of a message, and that have to follow where there is more of it.
 */
type Progress = "none" | "begun" | "flushed";

const flushTail = Uint8Array.of(0, 0, 0xff, 0xff);

/**
 * Compresses what is written, and passes it on: to a Writer, as a rule, whose own `flush` ends the message on the wire.
 *
 * `flush` may come at the end of a message and in the middle of one. Messages are compressed each with the window of those
 * before it until {@link reset}, which begins anew: with no context takeover, call it before each message. Where calls are
 * not awaited they are done in their order.
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
  /** What the compressor has made, until the stream has taken it. */
  #out: BoundedBuffer = new BoundedBuffer();
  #progress: Progress = "none";
  /** Whether the compressor waits for its next slice. */
  #isSliced = false;
  readonly #calls: CallOrder = new CallOrder();

  /** @throws {RangeError} An option is out of its range. */
  constructor(dest: FlateDest, options: FlateWriterOptions) {
    this.#dest = dest;
    this.#engine = options.engine;
    this.#settings = deflaterSettings(options);
  }

  /** What went wrong, undefined where nothing did: from then on each call throws it, until {@link reset}. */
  get error(): unknown {
    return this.#calls.error;
  }

  /** Each write is whole, and in its order. */
  get writesWhole(): boolean {
    return true;
  }

  /**
   * Adds to the message. An empty array begins one, so that `flush` has something to pass on.
   *
   * @param from Lent until the call, or its promise, is done.
   * @returns `from.length`.
   * @throws {TypeError} `from` is no Uint8Array, or is detached: nothing has happened then. Else what the stream throws.
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
   * Adds all that `reader` has to the message, 32 KiB at a time. Where it has nothing a message begins all the same.
   *
   * @returns Bytes added.
   * @throws What `reader` throws; what came before it is in the message. Else what the stream throws.
   */
  async readFrom(reader: ByteReader): Promise<number> {
    const total = await copyPieces(reader, this, pieceSize);
    if (total === 0) await this.write(noBytes);
    return total;
  }

  /**
   * Passes on all that was written, so that the receiver can decompress it. Does nothing where there is nothing.
   *
   * What was passed on is a whole message, without the four bytes that the receiver puts on again, where the message ends
   * here. What is written next goes on with it, unless it is over: by the `flush` of the Writer behind, or by {@link end}.
   *
   * @throws What the stream throws.
   * @see gobwas Writer.Flush
   */
  flush(): Awaitable<void> {
    return this.#calls.remember(
      this.#calls.isWaiting ? this.#calls.inTurn(() => this.#flush()) : this.#flush(),
    );
  }

  /**
   * Ends the message: as {@link flush}, and what is written next begins another one, also where the stream is no Writer and
   * cannot tell. The window is kept.
   *
   * @throws What the stream throws.
   */
  end(): Awaitable<void> {
    return this.#calls.remember(
      this.#calls.isWaiting ? this.#calls.inTurn(() => this.#end()) : this.#end(),
    );
  }

  /**
   * Ends the message, as {@link end}, and frees the compressor. The stream is left open; what is written next begins
   * with an empty window.
   *
   * @throws What the stream throws.
   * @see gobwas Writer.Close
   */
  close(): Awaitable<void> {
    return this.#calls.remember(
      this.#calls.isWaiting ? this.#calls.inTurn(() => this.#endAndFree()) : this.#endAndFree(),
    );
  }

  /**
   * Begins anew on another stream, with an empty window; an earlier error is forgotten, what was not passed on is
   * dropped. Calls that wait fail with a TypeError: theirs is dropped too.
   *
   * @see gobwas Writer.Reset
   */
  reset(dest: FlateDest): void {
    this.#dest = dest;
    // What is under way keeps the old buffer, and, in the middle of its work, the old compressor: it sees to its end.
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
    // A reset has forgotten already, and nothing is dropped by it: all of the message was passed on.
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

  /** Compresses a piece and passes it on; an error is kept for all that comes after. */
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

/** Waits until a context may go on with what it has left. */
export function ready(context: Context): Promise<void> {
  return new Promise((resolve) => {
    context.whenReady(resolve);
  });
}

/**
 * Fills in defaults.
 *
 * @throws {RangeError} An option is out of its range.
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
