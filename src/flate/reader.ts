/**
 * Decompresses messages from a byte stream, as gobwas does. It knows no frames.
 *
 * Theory of operation. A read gives bytes of the output buffer. While that is empty, the reader does the decompressor's next
 * slice, or reads a piece from the source and decompresses it. It makes no promise until the source or the engine makes one.
 * `reset` and `close` count up a number, by which a read that waits notices that it must not go on.
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
  /** The DEFLATE engine, such as zlibEngine() of `framewire/zlib`. */
  readonly engine: Engine;
  /** Base-2 logarithm of the window, 8 to 15: at least the window that was agreed upon for the peer. Default: 15. */
  readonly windowBits?: number | undefined;
  /** Bytes that one decompressed message may have. Default: 16 MiB. 0 or Infinity for no limit. */
  readonly maxMessageSize?: number | undefined;
}

const defaultMaxMessageSize = 16 * 1024 ** 2;

/** Compressed bytes that are read at once. */
const pieceSize = 4096;

/**
 * Decompresses what it reads, as a rule from a Reader whose `nextFrame` has found a compressed message.
 *
 * It gives 0 at the end of the message, when its source does. Bytes that the source gives after that are the next message, which
 * uses the window of the messages before, unless {@link reset} comes in between. Nothing is gathered: all output of a piece is
 * given before the next piece is read.
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
  /** The buffer that compressed bytes are read into. */
  #piece: Uint8Array | undefined;
  /** The output, and how much of it was read. */
  readonly #out: BoundedBuffer;
  #taken = 0;
  /** Whether the message has bytes. */
  #hasBegun = false;
  /** Whether the source has reached the message's end. */
  #isAtEnd = false;
  /** Whether the decompressor has more slices to do. */
  #hasMore = false;
  /** What the read under way waits for. */
  #waitsFor: "piece" | "slice" | undefined;
  /** The first error in a wrapper, since the error itself may be undefined. */
  #failure: { readonly error: unknown } | undefined;
  /** The number of resets, by which a waiting read notices that it must not go on. */
  #resets = 0;

  /** @throws {RangeError} An option is out of range. */
  constructor(source: ByteReader, options: FlateReaderOptions) {
    const { engine, windowBits = 15, maxMessageSize } = options;
    checkBetween("windowBits", windowBits, 8, 15);
    this.#source = source;
    this.#engine = engine;
    this.#settings = { windowBits };
    this.#maxMessageSize = messageLimit(maxMessageSize);
    this.#out = new BoundedBuffer(this.#maxMessageSize);
  }

  /** The first error, or undefined. Once there is one, each read throws it, until {@link reset}. */
  get error(): unknown {
    return this.#failure?.error;
  }

  /**
   * Reads the next bytes of the message. Only one read at a time.
   *
   * @param into Lent until the call, or its promise, is done.
   * @returns Bytes read; 0 at the end of the message.
   * @throws {ProtocolError} `INVALID_DEFLATE`
   * @throws {LimitError} `MESSAGE_TOO_BIG`
   * @throws {TypeError} `into` is no Uint8Array; the reader was reset or closed meanwhile.
   * @throws The error of the source.
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
   * Reads after the first wait. It reads in a loop: promises would nest and pile up while a peer sends pieces that decompress to
   * nothing.
   *
   * @param coming The piece that the read waits for, if it waits for one.
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

  /** Whether there is no output left, but the source or the decompressor may give more. */
  get #isDry(): boolean {
    return this.#taken === this.#out.size && (this.#hasMore || !this.#isAtEnd);
  }

  #readPiece(): number | Promise<number | null> {
    return readOnce(this.#source, (this.#piece ??= new Uint8Array(pieceSize)));
  }

  #inflate(count: number): void {
    if (count === 0) {
      this.#isAtEnd = true;
      // Nothing was sent: the message is empty, or there is no other message.
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
   * Begins again on another stream, with an empty window. An earlier error is forgotten, and unread bytes are dropped. A read
   * that is under way fails.
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
   * Frees the decompressor, and drops unread bytes. The stream stays open; the next read begins a message with an empty window. A
   * read that is under way fails. A second call does nothing.
   *
   * @see gobwas Reader.Close
   */
  close(): void {
    this.#interrupt();
    this.#free();
  }

  #interrupt(): void {
    // A read under way keeps the buffer that it reads into, or the decompressor that works for it.
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
 * Gives the limit: the default if none is given, and Infinity for 0.
 *
 * @throws {RangeError} The limit is neither a whole number from 0 on nor Infinity.
 */
export function messageLimit(given: number | undefined): number {
  const limit = given ?? defaultMaxMessageSize;
  if (limit !== Infinity) checkBetween("maxMessageSize", limit, 0, Number.MAX_SAFE_INTEGER);
  return limit === 0 ? Infinity : limit;
}
