/**
 * Transports of HTTP/2 streams: first the handshake in the form of HTTP/2, then bytes (RFC 8441, 5).
 *
 * Theory of operation. The core writes and reads heads of HTTP/1.1. A `HeadTranslator` takes the first bytes that are written,
 * and makes of them the headers that open the stream or answer it. After that, bytes go through unchanged. The state says how far
 * the end has come; two tables give the state that follows `destroy` and the stream's `close`.
 *
 * @module
 */

import {
  HeadTranslator,
  type Http2Headers,
  toUpgradeResponse,
  type TranslatedHead,
} from "../../src/handshake/extended-connect.ts";
import type { TlsFacts, Transport, TransportHandler } from "../../src/transport.ts";
import { needsNudges, nudge } from "./nudge.ts";
import { isEnded, type NodeTlsState, tlsFacts } from "../node/transport.ts";

/** The members of an `Http2Session` of `node:http2` that are used. */
export interface Http2Session {
  /** true for a session over TLS; undefined before it is connected. */
  readonly encrypted?: boolean | undefined;
  /** Whether the session is over. */
  readonly destroyed: boolean;
  /** Sends a PING; `answered` is called when its answer comes. */
  ping(answered: () => void): unknown;
  /** The socket. After the session was destroyed, reading a member of Node's throws. */
  readonly socket: NodeTlsState & {
    /** The peer's IP address. */
    readonly remoteAddress?: string | undefined;
    /** The peer's port. */
    readonly remotePort?: number | undefined;
    /** This side's IP address. */
    readonly localAddress?: string | undefined;
    /** This side's port. */
    readonly localPort?: number | undefined;
  };
}

/** The members of an `Http2Stream` of `node:http2` that are used. */
export interface Http2Stream {
  /** Whether it ended early. */
  readonly aborted: boolean;
  /** The code with which it was reset; on Bun undefined before that. */
  readonly rstCode?: number | undefined;
  /** Whether it still takes bytes. */
  readonly writable: boolean;
  /** Bytes that wait in it. */
  readonly writableLength: number;
  /** Adds a listener. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as in Node's own declaration
  on(event: string, listener: (...values: any[]) => void): unknown;
  /** Sends bytes, which are lent until `written` is called; returns false if they wait. */
  write(bytes: Uint8Array, written: (error?: Error | null) => void): boolean;
  /** Whether it has failed, or was dropped; `close` follows. */
  readonly destroyed?: boolean | undefined;
  /** Whether this side has ended. */
  readonly writableEnded?: boolean | undefined;
  /** Stops reading. */
  pause(): unknown;
  /** Goes on reading. */
  resume(): unknown;
  /** Ends this side of the stream (END_STREAM). */
  end(): unknown;
  /** Resets the stream. */
  close(code: number): unknown;
  /** Drops the stream. */
  destroy(): unknown;
}

/** The members of a `ServerHttp2Stream` that are used. */
export interface Http2ServerStream extends Http2Stream {
  readonly session?: Http2Session | undefined;
  respond(headers: Http2Headers): unknown;
}

/** The members of a `ClientHttp2Session` that its streams use. */
export interface Http2Requester extends Http2Session {
  /** Opens a stream with a request. */
  request(headers: Http2Headers, options: { endStream: boolean }): Http2Stream;
}

/** "RST exceptions are represented with the RST_STREAM frame with the CANCEL error code" (RFC 8441, 5). */
const Cancel = 8;

/*
 * How far the end of a transport has come. "open": it has not begun. "dropped": this side has destroyed the transport, and
 * `onClose` will come. "over": it has come. "lost": the stream has ended by itself, and `onClose` has come. A late write counts
 * as taken and is thrown away if this side has dropped the transport; if the stream was lost, the write is not taken.
 */
type State = "open" | "dropped" | "over" | "lost";

/** The state after a call of `destroy`, by the state before. */
const destroyed: Readonly<Record<State, State>> = {
  open: "dropped",
  dropped: "dropped",
  over: "over",
  lost: "over",
};

/** The state after the stream was closed, by the state before. */
const closed: Readonly<Record<State, State>> = {
  open: "lost",
  dropped: "over",
  over: "over",
  lost: "lost",
};

/**
 * The common part of both sides. The flow control of the stream holds back a sender: the window of a paused stream is not opened
 * again, and a write is borrowed until the peer's window has let it through.
 */
abstract class Http2Transport implements Transport {
  handler!: TransportHandler;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly encrypted: boolean;
  readonly tls: TlsFacts | undefined;
  readonly #written: (error?: Error | null) => void;
  readonly #session: Http2Session | undefined;
  #translator: HeadTranslator | undefined;
  #stream: Http2Stream | undefined;
  #isBorrowing = false;
  /** Writes whose callbacks have not come yet. */
  #pending = 0;
  #state: State = "open";
  #error: Error | undefined;

  constructor(session: Http2Session | undefined, translator: HeadTranslator) {
    // Kept, since a session loses its socket when it ends.
    const socket = session?.socket;
    this.remoteAddress = socket?.remoteAddress;
    this.remotePort = socket?.remotePort;
    this.localAddress = socket?.localAddress;
    this.localPort = socket?.localPort;
    this.encrypted = session?.encrypted === true;
    this.#session = session;
    this.tls = this.encrypted
      ? tlsFacts(() => (session!.destroyed ? {} : session!.socket))
      : undefined;
    this.#translator = translator;
    this.#written = (error) => {
      this.#pending--;
      // A failed write took nothing: `close` follows with the error.
      if (error) return;
      if (!this.#isBorrowing || this.#pending > 0) return;
      this.#isBorrowing = false;
      this.handler.onDrain();
    };
  }

  /** Sends the head that opens the stream, or answers it. An error that it throws ends the transport. */
  protected abstract begin(head: TranslatedHead): void;

  /** Takes a stream, and listens to its events; {@link read} asks for its data. */
  protected take(stream: Http2Stream): void {
    this.#stream = stream;
    stream.on("end", () => {
      // A reset stream emits `end` as well.
      if (!this.#isReset(stream)) this.handler.onEnd();
    });
    stream.on("error", (error: Error) => {
      this.#error = error; // `close` follows and delivers it
    });
    stream.on("close", () => {
      this.#close(stream);
    });
  }

  protected read(stream: Http2Stream): void {
    stream.on("data", ({ buffer, byteOffset, length }: Uint8Array) => {
      this.handler.onData(new Uint8Array(buffer, byteOffset, length));
    });
  }

  write(bytes: Uint8Array): boolean {
    const translator = this.#translator;
    if (translator === undefined || this.#isDropped) return this.#send(bytes);
    const head = translator.feed(bytes);
    if (head === undefined) return true;
    this.#translator = undefined;
    try {
      this.begin(head);
    } catch (error) {
      // The session has ended, or does not accept a header.
      this.#error = error as Error;
      this.destroy();
    }
    return head.rest.length === 0 || this.#send(head.rest);
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  end(): void {
    if (this.#stream === undefined) this.destroy();
    else {
      this.#stream.end();
      if (needsNudges) nudge(this.#session);
    }
  }

  destroy(): void {
    const before = this.#state;
    this.#state = destroyed[before];
    if (before !== "open") return;
    if (this.#stream === undefined) {
      queueMicrotask(() => {
        this.#close();
      });
      return;
    }
    this.#stream.close(Cancel);
    this.#stream.destroy();
  }

  /** Whether this side has destroyed the transport. */
  get #isDropped(): boolean {
    return this.#state === "dropped" || this.#state === "over";
  }

  #send(bytes: Uint8Array): boolean {
    const stream = this.#stream;
    if (stream === undefined || this.#isDropped) return true;
    if (!stream.writable) return isEnded(stream);
    this.#pending++;
    stream.write(bytes, this.#written);
    this.#isBorrowing = stream.writableLength > 0;
    if (needsNudges && this.#isBorrowing) nudge(this.#session);
    return !this.#isBorrowing;
  }

  /** Whether the stream has ended in another way than by the regular end of both sides. */
  #isReset({ aborted, rstCode = 0 }: Http2Stream): boolean {
    return this.#isDropped || aborted || rstCode !== 0;
  }

  #close(stream?: Http2Stream): void {
    const before = this.#state;
    this.#state = closed[before];
    if (this.#state === before) return;
    if (stream !== undefined && before === "open" && this.#isReset(stream)) {
      this.#error ??= new Error(`HTTP/2 stream was reset with error code ${stream.rstCode}`);
    }
    this.handler.onClose(this.#error);
  }
}

/** A server's stream, opened by the client's extended CONNECT. */
export class Http2ServerTransport extends Http2Transport {
  readonly #stream: Http2ServerStream;

  constructor(stream: Http2ServerStream) {
    super(stream.session, new HeadTranslator("response"));
    this.#stream = stream;
    this.take(stream);
    this.read(stream);
  }

  protected override begin({ headers }: TranslatedHead): void {
    this.#stream.respond(headers);
  }
}

/** A client's stream, which an extended CONNECT will open. */
export class Http2ClientTransport extends Http2Transport {
  readonly #session: Http2Requester;
  #isAnswered = false;

  constructor(session: Http2Requester) {
    super(session, new HeadTranslator("request", session.encrypted === true ? "https" : "http"));
    this.#session = session;
  }

  protected override begin({ headers, key }: TranslatedHead): void {
    const stream = this.#session.request(headers, { endStream: false });
    this.take(stream);
    stream.on("response", (response: Http2Headers) => {
      this.#isAnswered = true;
      this.handler.onData(toUpgradeResponse(response, key));
      this.read(stream);
    });
  }

  /**
   * A client that ends before the answer needs no stream. END_STREAM would still ask for one, for example behind others in a
   * queue.
   */
  override end(): void {
    if (this.#isAnswered) super.end();
    else this.destroy();
  }
}
