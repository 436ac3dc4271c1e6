/**
 * Messages decompressed on their way from a byte stream, as gobwas has it: no frames are known here.
 *
 * @module
 */

import { checkBetween, checkBytes } from "../arguments.ts";
import { copy } from "../bytes.ts";
import { BoundedBuffer } from "../extension/bounded-buffer.ts";
import type { Awaitable, ByteReader } from "../io/byte-stream.ts";
import { readCount, readOnce } from "../io/once.ts";
import type { Engine, Inflater, InflaterSettings } from "./engine.ts";
import { ready } from "./writer.ts";

/** Options of a {@link FlateReader}. */
export interface FlateReaderOptions {
  /** What decompresses, such as zlibEngine() of `framewire/zlib`. */
  readonly engine: Engine;
  /** Base-2 logarithm of the window, 8 to 15: no smaller than what was agreed upon for the peer. Default: 15. */
  readonly windowBits?: number | undefined;
  /** Bytes that one message may become. Default: 16 MiB. 0 or Infinity for no limit. */
  readonly maxMessageSize?: number | undefined;
}

const defaultMaxMessageSize = 16 * 1024 ** 2;

/** Compressed bytes that are taken at a time. */
const pieceSize = 4096;

/**
 * Decompresses what it reads: from a Reader, as a rule, whose `nextFrame` has found a message that is compressed.
 *
 * It reads 0 at the end of the message, where its source does. What the source gives from there on is the next message,
 * with the window of those before it, unless {@link reset} comes in between. Nothing is gathered: what a small piece
 * swells to is given before the next one is taken.
 *
 * @example
 * const state = new MessageState();
 * const reader = new Reader(stream, StateServerSide | StateExtended, { extensions: [state] });
 * const flate = new FlateReader(reader, { engine: zlibEngine() });
 * while (await reader.nextFrame()) {
 *   console.log(await readAll(state.isCompressed ? flate : reader));
 * }
 *
 * @see RFC 7692, 7.2.2 · gobwas wsflate.Reader
 */
export class FlateReader implements ByteReader {
  readonly #engine: Engine;
  readonly #settings: InflaterSettings;
  readonly #maxMessageSize: number;
  #source: ByteReader;
  #inflater: Inflater | undefined;
  /** Where compressed bytes come to. */
  #piece: Uint8Array | undefined;
  /** What has come out, and how much of it was read. */
  readonly #out: BoundedBuffer;
  #taken = 0;
  /** Whether the message has bytes. */
  #hasBegun = false;
  /** Whether the source has come to the message's end. */
  #isAtEnd = false;
  /** Whether the decompressor has slices left. */
  #hasMore = false;
  /** What the read under way waits for. */
  #waitsFor: "piece" | "slice" | undefined;
  /** What went wrong, which may be undefined itself. */
  #failure: { readonly error: unknown } | undefined;
  /** Counted so that what waits does not go on after a reset. */
  #resets = 0;

  /** @throws {RangeError} An option is out of its range. */
  constructor(source: ByteReader, options: FlateReaderOptions) {
    const { engine, windowBits = 15, maxMessageSize } = options;
    checkBetween("windowBits", windowBits, 8, 15);
    this.#source = source;
    this.#engine = engine;
    this.#settings = { windowBits };
    this.#maxMessageSize = messageLimit(maxMessageSize);
    this.#out = new BoundedBuffer(this.#maxMessageSize);
  }

  /** What went wrong, undefined where nothing did: from then on each read throws it, until {@link reset}. */
  get error(): unknown {
    return this.#failure?.error;
  }

  /**
   * Reads on in the message. One read at a time.
   *
   * @param into Lent until the call, or its promise, is done.
   * @returns Bytes read; 0 at the end of the message.
   * @throws {ProtocolError} `INVALID_DEFLATE`
   * @throws {LimitError} `MESSAGE_TOO_BIG`
   * @throws {TypeError} `into` is no Uint8Array; the reader was reset or closed meanwhile. Else what the source throws.
   * @see gobwas Reader.Read
   */
  read(into: Uint8Array): Awaitable<number> {
    checkBytes("into", into);
    if (this.#failure !== undefined) throw this.#failure.error;
    if (into.length === 0) return 0;
    const resets = this.#resets;
    try {
      const count = this.#readNow(into);
      return count instanceof Promise ? count.catch((error) => this.#fail(error, resets)) : count;
    } catch (error) {
      return this.#fail(error, resets);
    }
  }

  #readNow(into: Uint8Array): Awaitable<number> {
    while (this.#isDry) {
      this.#out.clear();
      this.#taken = 0;
      if (this.#hasMore) return this.#readLater(into, undefined);
      const count = this.#readPiece();
      if (count instanceof Promise) return this.#readLater(into, count);
      this.#inflate(count);
    }
    return this.#give(into);
  }

  /**
   * Reads from the first wait on: in a loop, as promises inside each other would pile up while a peer sends what becomes
   * nothing.
   *
   * @param coming The piece that is waited for, where it is one.
   */
  async #readLater(into: Uint8Array, coming: Promise<number | null> | undefined): Promise<number> {
    const resets = this.#resets;
    let piece = coming;
    while (this.#isDry) {
      if (this.#hasMore) {
        const inflater = this.#inflater!;
        this.#waitsFor = "slice";
        await ready(inflater);
        if (this.#resets !== resets) inflater.close();
        this.#resume(resets);
        this.#hasMore = !inflater.goOn(this.#out);
      } else {
        this.#waitsFor = "piece";
        const count = readCount(await (piece ?? this.#readPiece()), pieceSize);
        this.#resume(resets);
        this.#inflate(count);
        piece = undefined;
      }
    }
    return this.#give(into);
  }

  /** Whether there is nothing to give, and something to be had. */
  get #isDry(): boolean {
    return this.#taken === this.#out.size && (this.#hasMore || !this.#isAtEnd);
  }

  #readPiece(): number | Promise<number | null> {
    return readOnce(this.#source, (this.#piece ??= new Uint8Array(pieceSize)));
  }

  #inflate(count: number): void {
    if (count === 0) {
      this.#isAtEnd = true;
      // Nothing was sent at all: the empty message, or no further one.
      if (!this.#hasBegun) return;
    }
    this.#hasBegun = true;
    const inflater = (this.#inflater ??= this.#engine.newInflater(this.#settings));
    this.#hasMore = !inflater.inflate(this.#piece!, 0, count, this.#isAtEnd, this.#out);
  }

  #give(into: Uint8Array): number {
    const end = Math.min(this.#out.size, this.#taken + into.length);
    const count = end - this.#taken;
    if (count === 0) {
      this.#beginMessage();
      return 0;
    }
    copy(into, 0, this.#out.bytes, this.#taken, end);
    this.#taken = end;
    return count;
  }

  /**
   * Begins anew on another stream, with an empty window; an earlier error is forgotten, what was not read is dropped. A
   * read that is under way fails.
   *
   * @see gobwas Reader.Reset
   */
  reset(source: ByteReader): void {
    this.#interrupt();
    this.#inflater?.reset();
    this.#source = source;
    this.#failure = undefined;
  }

  /**
   * Frees the decompressor, and drops what was not read. The stream is left open; what is read next is a message for
   * which the window is empty. A read that is under way fails. A second call is harmless.
   *
   * @see gobwas Reader.Close
   */
  close(): void {
    this.#interrupt();
    this.#free();
  }

  #interrupt(): void {
    // What is lent to a read that is under way, or at work for it, is left to it.
    if (this.#waitsFor === "piece") this.#piece = undefined;
    if (this.#waitsFor === "slice") this.#inflater = undefined;
    this.#waitsFor = undefined;
    this.#resets++;
    this.#beginMessage();
  }

  #resume(resets: number): void {
    if (this.#resets !== resets) throw new TypeError("The reader was reset or closed meanwhile");
    this.#waitsFor = undefined;
  }

  #beginMessage(): void {
    this.#out.reset(this.#maxMessageSize);
    this.#taken = 0;
    this.#hasBegun = false;
    this.#isAtEnd = false;
    this.#hasMore = false;
  }

  #free(): void {
    this.#inflater?.close();
    this.#inflater = undefined;
  }

  #fail(error: unknown, resets: number): never {
    if (this.#resets === resets) {
      this.#failure = { error };
      this.#free();
    }
    throw error;
  }
}

/**
 * Fills in the default, and reads 0 as no limit.
 *
 * @throws {RangeError} It is no whole number from 0 on, nor Infinity.
 */
export function messageLimit(given: number | undefined): number {
  const limit = given ?? defaultMaxMessageSize;
  if (limit !== Infinity) checkBetween("maxMessageSize", limit, 0, Number.MAX_SAFE_INTEGER);
  return limit === 0 ? Infinity : limit;
}
