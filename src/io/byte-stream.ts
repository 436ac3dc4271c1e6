/**
 * Byte streams that are read on demand, as in gobwas and Go: the low level reads from them and writes to them. Types only.
 *
 * A `Deno.Conn` is such a stream, the adapters' `listen` gives one on each runtime, and any object with these three methods is
 * one. Frames never mix, even with several writers: the library writes each frame as one unit, behind those before it.
 *
 * @module
 */

/** A value, or a promise of it: a call that need not wait makes no promise. */
export type Awaitable<Value> = Value | Promise<Value>;

/** A source of bytes. */
export interface ByteReader {
  /**
   * Reads up to `into.length` bytes to the start of `into`.
   *
   * It gives at least one byte if `into` has room for one. `into` is lent until the call, or its promise, is done. Only one read
   * at a time.
   *
   * @returns Bytes read; 0 or null at the end of the stream. A promise may be any thenable. A result that is no count makes the
   * library throw a TransportError `FAILED`.
   * @see Go io.Reader
   */
  read(into: Uint8Array): Awaitable<number | null>;
}

/** A target for bytes. */
export interface ByteWriter {
  /**
   * Takes bytes from the start of `from`: at least one, unless it is empty. They are lent until the call, or its promise, is
   * done.
   *
   * It must not wait for another write of this library to the same stream: that write waits for this one.
   *
   * @returns Bytes taken. As for `read`, a promise may be any thenable, and a result that is no count is refused.
   * @see Go io.Writer
   */
  write(from: Uint8Array): Awaitable<number>;

  /**
   * Whether each write takes all its bytes, and writes that are not awaited leave whole, in the order of the calls. If false, the
   * library makes only one write at a time, and keeps the others waiting. Default: false.
   */
  readonly writesWhole?: boolean | undefined;
}

/** A connection: bytes in both directions, and `close`. */
export interface ByteStream extends ByteReader, ByteWriter {
  /** Ends both ways. A second call is harmless. */
  close(): Awaitable<void>;
}
