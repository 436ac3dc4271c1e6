/**
 * A pair of the Web's streams as a transport.
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
 * A connected pair of streams of bytes: what an edge platform's `connect()` gives, a WebTransport stream, a `Deno.Conn`,
 * `Duplex.toWeb(socket)` of Node's (where the socket is not half-open: the readable stream of one that is does not end
 * before the other), the two ends of a child process.
 */
export interface StreamPair {
  /** Its chunks are the transport's: they are changed in place. */
  readonly readable: WebReadable;
  /** What it is given is a copy, which it may keep. */
  readonly writable: WebWritable;
  /**
   * Awaited before the streams are used by a client, where there is one: an edge platform's socket tells by it whether it has
   * connected.
   */
  readonly opened?: PromiseLike<unknown> | undefined;
  /** Called when the transport is closed or dropped, where there is one. */
  close?(): unknown;
}

/** What is known of the connection that the streams are. */
export type StreamFacts = Partial<TransportFacts>;

/** What is used of a stream's reader. */
interface Reader {
  read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
  cancel(reason?: unknown): Promise<void>;
}

/** What is used of a stream's writer. */
interface Writer {
  readonly desiredSize: number | null;
  readonly ready: Promise<unknown>;
  readonly closed: Promise<unknown>;
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  abort(reason?: unknown): Promise<void>;
}

/**
 * This side of the connection: it takes writes ("open"), its stream is being closed ("ending"), that is done ("ended"), or both
 * streams are let go of ("closed").
 */
type OwnSide = "open" | "ending" | "ended" | "closed";

/**
 * A pair of streams as a transport: back-pressure of the one becomes that of the other.
 *
 * Each write is copied, since a stream may hand on what it is given and nobody can tell.
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
  /** Chunks that have come. */
  #chunks = 0;
  readonly #gate: PauseGate = new PauseGate();

  /** @throws {TypeError} One of the streams is locked: somebody else reads or writes it. */
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
    // A stream that fails while nothing is written tells it here alone.
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
    // In a turn of its own, as on Node: what else the call did is told first.
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
        // A read that was under way when delivery was stopped waits here with its bytes.
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
   * Closes when what has come has been read, unless the peer's end is behind it: a socket that is not half-open ends this
   * side as soon as the peer ends the other, which is for `end` to see.
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

  /** Lets go of both streams; that one of them is closed already is no failure. */
  #release(): void {
    this.#side = "closed";
    this.resume();
    this.#reader.cancel().catch(ignore);
    this.#writer.abort().catch(ignore);
    try {
      Promise.resolve(this.#pair.close?.()).catch(ignore);
    } catch {
      // As above.
    }
  }
}

/** The bytes of a chunk, as a plain Uint8Array. @throws {TypeError} It has none. */
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
