/**
 * A connection as the standard's WebSocketStream: two Web Streams, and promises for its beginning and its end (WHATWG
 * WebSockets, 5).
 *
 * @module
 */

import { newDeferred } from "../../deferred.ts";
import { ClosedError, type Closure } from "../../errors.ts";
import type { Signal } from "../../transport.ts";
import type { WebReadable, WebWritable } from "../../web-streams.ts";
import { type Connection, linkOf } from "../connection.ts";
import type { Binary, Data } from "../data.ts";
import { AbortSource } from "./abort-source.ts";
import { checkCloseInfo, WebSocketError, type WebSocketCloseInfo } from "./websocket-error.ts";

/** What a WebSocketStream is opened with. */
export interface WebSocketStreamOptions {
  /** Subprotocols to offer, the one liked best first. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /** Gives up when it is aborted; has no say once the stream is open. */
  readonly signal?: Signal | undefined;
}

/** What an open WebSocketStream has. */
export interface WebSocketOpenInfo {
  /** Messages, text as strings and binary as bytes; nothing is read before somebody reads. */
  readonly readable: WebReadable;
  /** Messages to send; a write is done when the unsent bytes are at the mark or below. */
  readonly writable: WebWritable;
  /** The extensions agreed upon, "" for none. */
  readonly extensions: string;
  /** The subprotocol agreed upon, "" for none. */
  readonly protocol: string;
}

/** What a close frame is to say; status 0 for none. */
type CheckedCloseInfo = ReturnType<typeof checkCloseInfo>;

/**
 * A connection as two streams. Adapters export it with their own way to connect: `new WebSocketStream(url, options)`; a
 * server makes one by {@link webSocketStream}.
 *
 * Nobody has to look at its promises: their rejections are not reported as unhandled. Those of its streams are as the
 * standard has them: what `write` and `close` of a writer reject with is reported where nobody awaits it.
 *
 * @example
 * const { opened } = new WebSocketStream("wss://example.org/feed");
 * const { readable, writable } = await opened;
 * await readable.pipeThrough(transform).pipeTo(writable);
 */
export class WebSocketStream {
  /** As it was given; on a server, path and query of the request. */
  readonly url: string;
  /** The streams, when the connection is open. Rejects with a WebSocketError, or with the signal's reason. */
  readonly opened: Promise<WebSocketOpenInfo>;
  /** How the connection ended, where that was in order. Rejects with a WebSocketError otherwise. */
  readonly closed: Promise<Required<WebSocketCloseInfo>>;
  readonly #stop = new AbortSource();
  #ws: Connection | undefined;
  /** What `close` was called with before there was a connection. */
  #closeInfo: CheckedCloseInfo | undefined;

  /**
   * Begins to connect.
   *
   * @param url What `url` gives; it is `open` that connects.
   * @param open Opens the connection; it has no handlers for messages.
   * @param options With a `signal`, which ends the attempt.
   */
  constructor(
    url: string,
    open: (signal: Signal) => Promise<Connection>,
    { signal }: Pick<WebSocketStreamOptions, "signal"> = {},
  ) {
    this.url = url;
    const closed = newDeferred<Required<WebSocketCloseInfo>>();
    this.closed = closed.promise;
    const onAbort = (): void => {
      this.#stop.abort(signal!.reason);
    };
    if (signal?.aborted === true) onAbort();
    else signal?.addEventListener("abort", onAbort);
    const opening = async (): Promise<Connection> => {
      try {
        return await open(this.#stop);
      } finally {
        signal?.removeEventListener("abort", onAbort);
      }
    };
    this.opened = opening().then(
      (ws) => {
        this.#ws = ws;
        const streams = openStreams(ws);
        // It was open already, or in the turn between: that it should close comes too late for the attempt alone.
        if (this.#closeInfo !== undefined) closeWith(ws, this.#closeInfo);
        void ws.closed.then((closure) => {
          const error = failureOf(closure);
          if (error === undefined) {
            closed.resolve({ closeCode: closure.status, reason: closure.reason });
          } else closed.reject(error);
        });
        return streams;
      },
      (cause: unknown) => {
        const isAborted = this.#stop.aborted && cause === this.#stop.reason;
        const error = isAborted
          ? cause
          : new WebSocketError("WebSocket connection could not be opened", {}, { cause });
        closed.reject(error);
        throw error;
      },
    );
    this.opened.catch(() => {});
  }

  /**
   * Begins the closing handshake, or gives up the opening one; a second call does nothing.
   *
   * @throws {RangeError} `closeCode` is neither 1000 nor 3000 to 4999, or `reason` has more than 123 bytes of UTF-8.
   */
  close(info: WebSocketCloseInfo = {}): void {
    const checked = checkCloseInfo(info);
    if (this.#ws !== undefined) {
      closeWith(this.#ws, checked);
      return;
    }
    this.#closeInfo ??= checked;
    this.#stop.abort(new WebSocketError("WebSocketStream was closed before it was open"));
  }
}

/**
 * Makes a WebSocketStream of a connection that is open, such as a server's; it must have no handlers for messages.
 *
 * @example
 * await serve({ port: 8080 }, {
 *   async open(ws) {
 *     const { readable, writable } = await webSocketStream(ws).opened;
 *     await readable.pipeTo(writable);
 *   },
 * });
 */
export function webSocketStream<Context>(ws: Connection<Context>): WebSocketStream {
  return new WebSocketStream(ws.target, () => Promise.resolve(ws as Connection));
}

function openStreams(ws: Connection): WebSocketOpenInfo {
  return {
    readable: newReadable(ws) as unknown as WebReadable,
    writable: newWritable(ws) as unknown as WebWritable,
    extensions: ws.extensions,
    protocol: ws.protocol,
  };
}

function newReadable(ws: Connection): ReadableStream<Data> {
  return new ReadableStream<Data>(
    {
      async pull(controller) {
        try {
          controller.enqueue(await ws.receive());
        } catch (error) {
          const failure = failureOf(error as ClosedError);
          if (failure === undefined) controller.close();
          else controller.error(failure);
        }
      },
      cancel: (reason) => {
        closeFor(ws, reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function newWritable(ws: Connection): WritableStream<string | Binary> {
  return new WritableStream<string | Binary>(
    {
      start(controller) {
        void ws.closed.then((closure) => {
          controller.error(failureOf(closure) ?? new ClosedError(closure));
        });
      },
      write: (chunk) => ws.send(chunk),
      // "closing a writable closes the WebSocket", without a code, and is done when that is.
      async close() {
        linkOf(ws).close(0, "");
        const failure = failureOf(await ws.closed);
        if (failure !== undefined) throw failure;
      },
      abort: (reason) => {
        closeFor(ws, reason);
      },
    },
    { highWaterMark: 1 },
  );
}

function closeWith(ws: Connection, { status, reason }: CheckedCloseInfo): void {
  linkOf(ws).close(status, reason);
}

/** Closes with what a WebSocketError says, and without a code for any other reason. */
function closeFor(ws: Connection, reason: unknown): void {
  const { closeCode, reason: words } =
    reason instanceof WebSocketError ? reason : { closeCode: null, reason: "" };
  linkOf(ws).close(closeCode ?? 0, words);
}

/** Gives the error for a connection that did not end in order. */
function failureOf(closure: Closure | ClosedError): WebSocketError | undefined {
  const { status, reason, clean } = closure;
  if (clean) return undefined;
  const cause = closure instanceof ClosedError ? closure.cause : closure.error;
  return WebSocketError.of(
    "WebSocket connection ended without a close frame",
    status,
    reason,
    cause,
  );
}
