/**
 * Makes a byte stream, which is read on demand, of a transport, which pushes bytes.
 *
 * Theory of operation. Received bytes go to the read that waits, or into a buffer. When the buffer exceeds its mark, the
 * transport is paused until all of the buffer has been read. Writes go to the transport one at a time, in the order of the calls.
 * `close` sends FIN behind the written bytes and drops what is still received; if the peer does not end its side, a deadline
 * drops the connection.
 *
 * @module
 */

import { checkLimit, checkMilliseconds, checkRange } from "../arguments.ts";
import { copyOf, noBytes } from "../bytes.ts";
import { type Deadline, type Deadlines, deadlinesOn } from "../clock.ts";
import { type Deferred, newDeferred } from "../deferred.ts";
import { TransportError } from "../errors.ts";
import { socketAddress } from "../ip-address.ts";
import type { TlsFacts, Transport, TransportHandler } from "../transport.ts";
import type { Awaitable, ByteStream } from "./byte-stream.ts";

/** Options of a {@link TransportStream}. */
export interface TransportStreamOptions {
  /** Bytes that may wait to be read; beyond that, the peer is held back. Default: 64 KiB. */
  readonly highWaterMark?: number | undefined;
  /** Milliseconds that `close` waits for the peer's end before it drops the connection. Default: 2 000. */
  readonly lingerTimeout?: number | undefined;
  /** Keeps that time. Default: one timer for all streams. */
  readonly deadlines?: Deadlines | undefined;
}

const defaultHighWaterMark = 64 * 1024;
const defaultLingerTimeout = 2_000;

interface PendingRead {
  readonly into: Uint8Array;
  readonly deferred: Deferred<number>;
}

interface PendingWrite {
  readonly from: Uint8Array;
  /** Its length when it was lent. */
  readonly size: number;
  readonly deferred: Deferred<number>;
}

/** The transport of a stream that was released, and what the stream knew. */
export interface ReleasedTransport {
  /** The transport. The caller must set its handler before it returns. */
  readonly transport: Transport;
  /** Received bytes that were not read; the caller owns them. */
  readonly unread: Uint8Array;
  /** Whether the peer has ended its side. */
  readonly hasEnded: boolean;
  /** Whether the connection is gone. */
  readonly isClosed: boolean;
  /** The error of the connection, or undefined. */
  readonly error: Error | undefined;
}

/**
 * What this side has ended: nothing ("open"), its writing ("ending": FIN is due, or sent), or both directions ("closing":
 * received bytes are dropped as well). The connection may already be gone in each state.
 */
type OwnSide = "open" | "ending" | "closing";

/** A connection that is read and written by calls; received bytes wait in a buffer until they are read. */
export class TransportStream implements ByteStream, TransportHandler {
  readonly #transport: Transport;
  readonly #highWaterMark: number;
  readonly #lingerTimeout: number;
  readonly #deadlines: Deadlines;
  readonly #closed: Deferred<void> = newDeferred<void>();
  #buffer: Uint8Array = noBytes;
  #start = 0;
  #end = 0;
  #isPaused = false;
  #pending: PendingRead | undefined;
  /** The first write is lent to the transport; the others wait until the transport has taken it. */
  #writes: PendingWrite[] = [];
  #side: OwnSide = "open";
  #hasPeerEnded = false;
  /** Whether the connection is gone. */
  #isClosed = false;
  #error: TransportError | undefined;
  #linger: Deadline | undefined;

  /**
   * Takes over a transport.
   *
   * @param transport Its handler becomes this stream.
   * @throws {TypeError} An option is no number.
   * @throws {RangeError} An option is NaN or below 0.
   */
  constructor(transport: Transport, options: TransportStreamOptions = {}) {
    this.#transport = transport;
    this.#highWaterMark = options.highWaterMark ?? defaultHighWaterMark;
    this.#lingerTimeout = options.lingerTimeout ?? defaultLingerTimeout;
    this.#deadlines = options.deadlines ?? deadlinesOn();
    checkLimit("highWaterMark", this.#highWaterMark);
    checkMilliseconds("lingerTimeout", this.#lingerTimeout);
    transport.handler = this;
  }

  /** The peer's IP address. */
  get remoteAddress(): string | undefined {
    return socketAddress(this.#transport.remoteAddress);
  }

  /** The peer's port. */
  get remotePort(): number | undefined {
    return this.#transport.remotePort;
  }

  /** This side's own IP address. */
  get localAddress(): string | undefined {
    return socketAddress(this.#transport.localAddress);
  }

  /** This side's own port. */
  get localPort(): number | undefined {
    return this.#transport.localPort;
  }

  /** Whether the bytes go through TLS. */
  get encrypted(): boolean {
    return this.#transport.encrypted === true;
  }

  /** Facts about the TLS connection, looked up at each access; undefined without TLS. */
  get tls(): TlsFacts | undefined {
    return this.#transport.tls;
  }

  /** Resolves when the connection is gone, for any reason. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Gives bytes that have been received, or waits for some.
   *
   * @param into Lent until the call, or its promise, is done.
   * @returns Bytes read; 0 at the end of the stream.
   * @throws {TypeError} `into` is no Uint8Array, or another read is under way; or `into` is detached, or has shrunk to nothing
   * while the read waited: the received bytes are kept for the next read.
   * @throws {TransportError} `RESET`, after everything that came before it has been read
   */
  read(into: Uint8Array): Awaitable<number> {
    checkRange(into, 0, undefined, "into");
    if (this.#pending !== undefined) throw new TypeError("Another read is under way");
    if (this.#side === "closing" || into.length === 0) return 0;
    if (this.#end > this.#start) return this.#take(into);
    if (this.#error !== undefined) throw this.#error;
    if (this.#hasPeerEnded || this.#isClosed) return 0;
    this.#pending = { into, deferred: newDeferred<number>() };
    return this.#pending.deferred.promise;
  }

  #take(into: Uint8Array): number {
    const count = Math.min(into.length, this.#end - this.#start);
    into.set(this.#buffer.subarray(this.#start, this.#start + count));
    this.#start += count;
    if (this.#start === this.#end) {
      this.#start = this.#end = 0;
      // An idle connection must not keep a buffer that a burst made grow.
      if (this.#buffer.length > this.#highWaterMark) this.#buffer = noBytes;
      if (this.#isPaused) {
        this.#isPaused = false;
        this.#transport.resume();
      }
    }
    return count;
  }

  /** true: each write writes all its bytes, in the order of the calls. */
  get writesWhole(): boolean {
    return true;
  }

  /**
   * Writes all of `from`. Writes that are not awaited leave in the order of the calls.
   *
   * @param from Lent until the call, or its promise, is done.
   * @returns `from.length`.
   * @throws {TypeError} `from` is no Uint8Array, or is detached, or has shrunk while it waited: nothing of it has left then.
   * @throws {TransportError} `RESET`, `FAILED` (the stream, or its writing side, is closed)
   */
  write(from: Uint8Array): Awaitable<number> {
    checkRange(from, 0, undefined, "from");
    if (this.#side !== "open" || this.#isClosed) throw this.#error ?? closedError();
    if (this.#writes.length === 0 && this.#transport.write(from)) return from.length;
    const deferred = newDeferred<number>();
    this.#writes.push({ from, size: from.length, deferred });
    return deferred.promise;
  }

  /** Sends FIN after the written bytes have left; reading goes on. A second call does nothing. */
  closeWrite(): void {
    if (this.#side !== "open") return;
    this.#side = "ending";
    this.#endIfWritten();
  }

  /**
   * Ends both directions: written bytes still leave, received bytes are dropped. If the peer does not end its side within
   * `lingerTimeout`, the connection is dropped.
   *
   * @returns Resolves when the connection is gone.
   */
  close(): Promise<void> {
    if (this.#side !== "closing" && !this.#isClosed) {
      const isEnding = this.#side === "ending";
      this.#side = "closing";
      this.#linger = this.#deadlines.after(this.#lingerTimeout, () => {
        this.#transport.destroy();
      });
      this.#buffer = noBytes;
      this.#start = this.#end = 0;
      this.#endRead();
      if (this.#isPaused) this.#transport.resume();
      if (!isEnding) this.#endIfWritten();
    }
    return this.#closed.promise;
  }

  /**
   * Gives the transport away; the stream must not be used any more. The caller sets the transport's handler before it returns,
   * and calls it for everything that the stream has already been told.
   *
   * @throws {TypeError} A read or a write is under way, or the stream is closing.
   */
  release(): ReleasedTransport {
    if (this.#pending !== undefined || this.#writes.length > 0 || this.#side !== "open") {
      throw new TypeError("Stream is in use");
    }
    const unread = copyOf(this.#buffer, this.#start, this.#end);
    this.#buffer = noBytes;
    this.#start = this.#end = 0;
    if (this.#isPaused) this.#transport.resume();
    return {
      transport: this.#transport,
      unread,
      hasEnded: this.#hasPeerEnded,
      isClosed: this.#isClosed,
      error: this.#error?.cause as Error | undefined,
    };
  }

  /** Drops the connection at once. */
  destroy(): void {
    this.#transport.destroy();
  }

  onData(chunk: Uint8Array): void {
    // Empty chunks are skipped, because a read that gives 0 means the end of the stream.
    if (this.#side === "closing" || chunk.length === 0) return;
    let from = 0;
    const pending = this.#pending;
    if (pending !== undefined) {
      this.#pending = undefined;
      const { into, deferred } = pending;
      // The length of `into` now: its memory may have been transferred, or have shrunk, since the read began.
      from = Math.min(chunk.length, into.length);
      if (from === 0) {
        deferred.reject(new TypeError("into is detached, or has shrunk, while a read waited"));
      } else {
        into.set(from === chunk.length ? chunk : chunk.subarray(0, from));
        deferred.resolve(from);
      }
    }
    if (from < chunk.length) this.#keep(chunk.subarray(from));
  }

  /** Keeps bytes that no read waits for. */
  #keep(bytes: Uint8Array): void {
    const size = this.#end - this.#start + bytes.length;
    if (this.#end + bytes.length > this.#buffer.length) {
      const room =
        size > this.#buffer.length
          ? new Uint8Array(Math.max(size, 2 * this.#buffer.length))
          : this.#buffer;
      room.set(this.#buffer.subarray(this.#start, this.#end));
      this.#buffer = room;
      this.#end -= this.#start;
      this.#start = 0;
    }
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
    if (size >= this.#highWaterMark && !this.#isPaused) {
      this.#isPaused = true;
      this.#transport.pause();
    }
  }

  onDrain(): void {
    this.#wrote();
    while (this.#writes.length > 0 && this.#writeNext(this.#writes[0])) this.#wrote();
    if (this.#side !== "open") this.#endIfWritten();
  }

  /** Sends FIN if no write waits. */
  #endIfWritten(): void {
    if (this.#writes.length === 0) this.#transport.end();
  }

  /** Writes the bytes of a write that has waited. @returns Whether the transport has taken them. */
  #writeNext({ from, size, deferred }: PendingWrite): boolean {
    if (from.length === size) return this.#transport.write(from);
    deferred.reject(new TypeError("from is detached, or has shrunk, while a write waited"));
    return true;
  }

  /** Settles the first write: the transport has taken it, unless it was rejected. */
  #wrote(): void {
    const { size, deferred } = this.#writes.shift()!;
    deferred.resolve(size);
  }

  onEnd(): void {
    this.#hasPeerEnded = true;
    this.#endRead();
  }

  onClose(cause?: Error): void {
    this.#isClosed = true;
    this.#linger?.cancel();
    if (cause !== undefined) this.#error = new TransportError("RESET", { cause });
    if (this.#error !== undefined) this.#pending?.deferred.reject(this.#error);
    this.#endRead();
    for (const { deferred } of this.#writes) deferred.reject(this.#error ?? closedError());
    this.#writes = [];
    this.#closed.resolve();
  }

  #endRead(): void {
    this.#pending?.deferred.resolve(0);
    this.#pending = undefined;
  }
}

function closedError(): TransportError {
  return new TransportError("FAILED", { cause: new Error("Stream is closed") });
}
