/**
 * Makes a transport of a pair of the Web's streams.
 *
 * Theory of operation. One loop reads, and delivers each chunk; a gate stops it while delivery is paused. A write is taken if the
 * writable stream still asks for more; otherwise `onDrain` follows when the stream is ready. The transport is closed when both
 * sides have ended, or at the first error.
 *
 * @module
 */

import { kindOf } from "../../src/arguments.ts";
import { copyOf } from "../../src/bytes.ts";
import type { TlsFacts, Transport, TransportFacts, TransportHandler } from "../../src/transport.ts";
import type { WebReadable, WebWritable } from "../../src/web-streams.ts";
import { PauseGate } from "../pause-gate.ts";
import { silent } from "../silent.ts";

/**
 * A connected pair of byte streams, such as the result of an edge platform's `connect()`, a WebTransport stream, a `Deno.Conn`,
 * Node's `Duplex.toWeb(socket)` (if the socket is not half-open: otherwise the readable stream does not end before the writable
 * one), or the two ends of a child process.
 */
export interface StreamPair {
  /** Its chunks belong to the transport, which changes them in place. */
  readonly readable: WebReadable;
  /** It gets copies, which it may keep. */
  readonly writable: WebWritable;
  /**
   * If present, a client awaits it before it uses the streams: an edge platform's socket tells by it whether it has connected.
   */
  readonly opened?: PromiseLike<unknown> | undefined;
  /** If present, called when the transport is closed or dropped. */
  close?(): unknown;
}

/** Facts about the connection that the streams form. */
export type StreamFacts = Partial<TransportFacts>;

/** The members of a stream's reader that are used. */
interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
  cancel(reason?: unknown): Promise<void>;
}

/** The members of a stream's writer that are used. */
interface Writer {
  readonly desiredSize: number | null;
  readonly ready: Promise<unknown>;
  readonly closed: Promise<unknown>;
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(reason?: unknown): Promise<void>;
}

/**
 * This side of the connection: it takes writes ("open"), its stream is being closed ("ending"), its stream is closed ("ended"),
 * or both streams are released ("closed").
 */
type OwnSide = "open" | "ending" | "ended" | "closed";

/**
 * A pair of streams as a transport. It passes on the back-pressure of both streams.
 *
 * Each write is copied, since a stream may pass its chunks on without telling when it is done with them.
 */
export class StreamsTransport implements Transport {
  handler: TransportHandler = silent;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly encrypted: boolean;
  readonly tls: TlsFacts | undefined;
  readonly #pair: StreamPair;
  readonly #reader: Reader;
  readonly #writer: Writer;
  #side: OwnSide = "open";
  #hasPeerEnded = false;
  /** The number of chunks that have come. */
  #chunks = 0;
  readonly #gate: PauseGate = new PauseGate();

  /** @throws {TypeError} One of the streams is locked: other code reads or writes it. */
  constructor(pair: StreamPair, facts: StreamFacts = {}) {
    this.#pair = pair;
    this.remoteAddress = facts.remoteAddress;
    this.remotePort = facts.remotePort;
    this.localAddress = facts.localAddress;
    this.localPort = facts.localPort;
    this.encrypted = facts.encrypted ?? false;
    this.tls = facts.tls;
    this.#reader = pair.readable.getReader() as Reader;
    this.#writer = pair.writable.getWriter() as unknown as Writer;
    // If a stream fails while nothing is written, only this promise tells it.
    this.#writer.closed.catch((error: unknown) => {
      void this.#closeOnceRead(error);
    });
    void this.#read();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#side !== "open") return true;
    const writer = this.#writer;
    writer.write(copyOf(bytes, 0, bytes.length)).catch((error: unknown) => {
      this.#close(error);
    });
    if ((writer.desiredSize ?? 0) > 0) return true;
    void writer.ready.then(
      () => {
        if (!this.#isClosed) this.handler.onDrain();
      },
      (error: unknown) => {
        this.#close(error);
      },
    );
    return false;
  }

  pause(): void {
    this.#gate.shut();
  }

  resume(): void {
    this.#gate.open();
  }

  end(): void {
    if (this.#side !== "open") return;
    this.#side = "ending";
    const ended = (): void => {
      if (this.#side === "ending") this.#side = "ended";
      this.#closeIfEnded();
    };
    this.#writer.close().then(ended, (error: unknown) => {
      // A socket that is not half-open ends this side as soon as the peer ends the other.
      if (this.#hasPeerEnded) ended();
      else this.#close(error);
    });
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#release();
    // In a separate turn, as on Node, so that events of this call come first.
    setTimeout(() => {
      this.handler.onClose();
    }, 0);
  }

  get #isClosed(): boolean {
    return this.#side === "closed";
  }

  async #read(): Promise<void> {
    try {
      for (;;) {
        const { done, value } = await this.#reader.read();
        // A read that ends while delivery is paused waits here with its bytes.
        while (this.#gate.opening !== undefined) await this.#gate.opening;
        if (this.#isClosed) return;
        if (done) break;
        this.#chunks++;
        const chunk = plainBytes(value);
        if (chunk.length > 0) this.handler.onData(chunk);
        while (this.#gate.opening !== undefined) await this.#gate.opening;
        if (this.#isClosed) return;
      }
    } catch (error) {
      this.#close(error);
      return;
    }
    this.#hasPeerEnded = true;
    this.handler.onEnd();
    this.#closeIfEnded();
  }

  /**
   * Closes after received bytes have been read, unless the peer's end comes behind them: a socket that is not half-open ends this
   * side as soon as the peer ends the other, and `end` handles that.
   */
  async #closeOnceRead(error: unknown): Promise<void> {
    let seen: number;
    do {
      seen = this.#chunks;
      await new Promise((resolve) => setTimeout(resolve, 0));
      while (this.#gate.opening !== undefined) await this.#gate.opening;
      if (this.#hasPeerEnded) return;
    } while (seen !== this.#chunks);
    this.#close(error);
  }

  #closeIfEnded(): void {
    if (this.#side !== "ended" || !this.#hasPeerEnded) return;
    this.#release();
    this.handler.onClose();
  }

  #close(error: unknown): void {
    if (this.#isClosed) return;
    this.#release();
    this.handler.onClose(error instanceof Error ? error : new Error(String(error)));
  }

  /** Releases both streams. An error is ignored: one of the streams may already be closed. */
  #release(): void {
    this.#side = "closed";
    this.resume();
    this.#reader.cancel().catch(ignore);
    this.#writer.abort().catch(ignore);
    try {
      Promise.resolve(this.#pair.close?.()).catch(ignore);
    } catch {
      // Ignored, as above.
    }
  }
}

/** Gives the bytes of a chunk as a plain Uint8Array. @throws {TypeError} The chunk is no bytes. */
function plainBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof ArrayBuffer || kindOf(chunk) === "ArrayBuffer") {
    return new Uint8Array(chunk as ArrayBuffer);
  }
  if (!ArrayBuffer.isView(chunk)) {
    throw new TypeError(`Chunks of the readable stream must be bytes: ${typeof chunk}`);
  }
  if (chunk.constructor === Uint8Array) return chunk as Uint8Array;
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

function ignore(): void {}
