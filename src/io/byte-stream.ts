/**
 * Byte streams that are pulled, as gobwas and Go have them: what the low level reads from and writes to. Types only.
 *
 * A `Deno.Conn` is one as it is; the adapters' `listen` gives them on each runtime; anything with these three methods
 * will do. Frames never mix, even with several writers: the library writes each as one unit, behind those before it.
 *
 * @module
 */

/** A value that is there already, or comes later: a call that need not wait costs no promise. */
export type Awaitable<Value> = Value | Promise<Value>;

/** Something that bytes are read from. */
export interface ByteReader {
  /**
   * Reads up to `into.length` bytes to the start of `into`.
   *
   * It gives at least one byte where `into` has room for one. `into` is lent until the call, or its promise, is done.
   * One read at a time.
   *
   * @returns Bytes read; 0 or null at the end of the stream. A promise may be any thenable; what is no count is refused with
   * a TransportError `FAILED`.
   * @see Go io.Reader
   */
  read(into: Uint8Array): Awaitable<number | null>;
}

/** Something that bytes are written to. */
export interface ByteWriter {
  /**
   * Takes bytes, from the start of `from`: at least one of them where there are any. They are lent until the call, or
   * its promise, is done.
   *
   * It must not wait for another write of this library to the same stream: that one waits for it.
   *
   * @returns Bytes taken. As for `read`: any thenable, and nothing but a count.
   * @see Go io.Writer
   */
  write(from: Uint8Array): Awaitable<number>;

  /**
   * Whether a write takes all its bytes, and writes that are not awaited leave whole, in the order of the calls. What does
   * not say so is written to by one write at a time: the library keeps the others waiting. Default: false.
   */
  readonly writesWhole?: boolean | undefined;
}

/** A connection: both ways, and an end. */
export interface ByteStream extends ByteReader, ByteWriter {
  /** Ends both ways. A second call is harmless. */
  close(): Awaitable<void>;
}
