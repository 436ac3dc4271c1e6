/**
 * Streams of HTTP/2 as transports: the handshake in the words of HTTP/2, then bytes (RFC 8441, 5).
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

/** What is used of an `Http2Session` of `node:http2`. */
export interface Http2Session {
  /** A session over TLS has true, one that has not connected yet undefined. */
  readonly encrypted?: boolean | undefined;
  /** Whether it is over. */
  readonly destroyed: boolean;
  /** Sends a PING, whose answer calls `answered`. */
  ping(answered: () => void): unknown;
  /** Where the session has been destroyed, Node's cannot be asked any more. */
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

/** What is used of an `Http2Stream` of `node:http2`. */
export interface Http2Stream {
  /** Whether it ended before its time. */
  readonly aborted: boolean;
  /** What it was reset with; Bun's has none until then. */
  readonly rstCode?: number | undefined;
  /** Whether it still takes bytes. */
  readonly writable: boolean;
  /** Bytes that wait in it. */
  readonly writableLength: number;
  /** Adds a listener. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what Node's own declaration says
  on(event: string, listener: (...values: any[]) => void): unknown;
  /** Sends bytes, which are lent until `written` is called; false where they wait. */
  write(bytes: Uint8Array, written: (error?: Error | null) => void): boolean;
  /** Whether it has failed, or was dropped; `close` follows. */
  readonly destroyed?: boolean | undefined;
  /** Whether this side has ended it. */
  readonly writableEnded?: boolean | undefined;
  /** Stops reading. */
  pause(): unknown;
  /** Goes on reading. */
  resume(): unknown;
  /** Ends this side of it (END_STREAM). */
  end(): unknown;
  /** Resets the stream. */
  close(code: number): unknown;
  /** Drops it. */
  destroy(): unknown;
}

/** What is used of a `ServerHttp2Stream`. */
export interface Http2ServerStream extends Http2Stream {
  readonly session?: Http2Session | undefined;
  respond(headers: Http2Headers): unknown;
}

/** What is used of a `ClientHttp2Session` by a stream of it. */
export interface Http2Requester extends Http2Session {
  /** Opens a stream with a request. */
  request(headers: Http2Headers, options: { endStream: boolean }): Http2Stream;
}

/** "RST exceptions are represented with the RST_STREAM frame with the CANCEL error code" (RFC 8441, 5). */
const Cancel = 8;

/*
 * How far the end of a transport has come. open: it has not begun. dropped: this side has destroyed it, and `onClose` is to come. over:
 * that has come. lost: the stream has ended by itself, and `onClose` has come. What is written late is thrown away where this side has
 * dropped it, and not taken where it was lost.
 */
type State = "open" | "dropped" | "over" | "lost";

/** What each state becomes by a call of `destroy`. */
const destroyed: Readonly<Record<State, State>> = {
  open: "dropped",
  dropped: "dropped",
  over: "over",
  lost: "over",
};

/** What each state becomes when the stream is closed. */
const closed: Readonly<Record<State, State>> = {
  open: "lost",
  dropped: "over",
  over: "over",
  lost: "lost",
};

/**
 * What both sides have in common. The flow control of the stream holds back a side that sends: a paused stream's window is
 * not opened again, and a write is borrowed until the peer's window has let it through.
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
  /** Writes whose callbacks are still to come. */
  #pending = 0;
  #state: State = "open";
  #error: Error | undefined;

  constructor(session: Http2Session | undefined, translator: HeadTranslator) {
    // Kept, since a session forgets its socket.
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
      // What has failed was not taken: `close` follows, and tells it.
      if (error) return;
      if (!this.#isBorrowing || this.#pending > 0) return;
      this.#isBorrowing = false;
      this.handler.onDrain();
    };
  }

  /** Sends the head that opens the stream, or answers it. What it throws ends the transport. */
  protected abstract begin(head: TranslatedHead): void;

  /** Takes the stream: its data is asked for by {@link read}. */
  protected take(stream: Http2Stream): void {
    this.#stream = stream;
    stream.on("end", () => {
      // A stream that was reset tells its end as well.
      if (!this.#isReset(stream)) this.handler.onEnd();
    });
    stream.on("error", (error: Error) => {
      this.#error = error; // `close` follows and tells it
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
      // The session has ended, or does not take a header.
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

  /** Whether this side has destroyed it. */
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

  /** Whether anything else than both sides' orderly end has ended the stream. */
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

/** A stream that an extended CONNECT has opened, on the side of the server. */
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

/** A stream that an extended CONNECT is to open, on the side of the client. */
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

  /** Who gives up before the answer wants no stream: END_STREAM would still ask for one, in a queue behind others say. */
  override end(): void {
    if (this.#isAnswered) super.end();
    else this.destroy();
  }
}
