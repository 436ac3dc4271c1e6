/**
 * A connection as the standard's WebSocketStream: two Web Streams, and promises for its opening and its end (WHATWG WebSockets,
 * 5).
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

/** How a WebSocketStream is opened. */
export interface WebSocketStreamOptions {
  /** Subprotocols to offer, the preferred one first. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /** Gives up when this signal aborts. Has no effect after the stream has opened. */
  readonly signal?: Signal | undefined;
}

/** The streams and facts of an open WebSocketStream. */
export interface WebSocketOpenInfo {
  /** Received messages: text as strings, binary as bytes. Nothing is read from the network before you read from the stream. */
  readonly readable: WebReadable;
  /** Messages to send. A write is done when the unsent bytes are at most `highWaterMark`. */
  readonly writable: WebWritable;
  /** The extensions of the connection; "" if it has none. */
  readonly extensions: string;
  /** The subprotocol of the connection; "" if it has none. */
  readonly protocol: string;
}

/** The content of a close frame. A status of 0 stands for none. */
type CheckedCloseInfo = ReturnType<typeof checkCloseInfo>;

/**
 * A connection as two streams. Adapters export it with their own `connect`: `new WebSocketStream(url, options)`. A server makes
 * one with {@link webSocketStream}.
 *
 * The promises `opened` and `closed` are never reported as unhandled. The streams follow the standard: if `write` or `close` of a
 * writer rejects and you do not await it, the rejection is reported as unhandled.
 *
 * @example
 * const { opened } = new WebSocketStream("wss://example.org/feed");
 * const { readable, writable } = await opened;
 * await readable.pipeThrough(transform).pipeTo(writable);
 */
export class WebSocketStream {
  /** The URL as it was given. On a server: path and query of the request. */
  readonly url: string;
  /** Resolves with the streams when the connection opens. Rejects with a WebSocketError, or with the signal's reason. */
  readonly opened: Promise<WebSocketOpenInfo>;
  /** Resolves when the connection has ended with a closing handshake. Rejects with a WebSocketError otherwise. */
  readonly closed: Promise<Required<WebSocketCloseInfo>>;
  readonly #stop = new AbortSource();
  #ws: Connection | undefined;
  /** The arguments of a `close` that was called before the connection existed. */
  #closeInfo: CheckedCloseInfo | undefined;

  /**
   * Begins to connect.
   *
   * @param url The value of `url` only; the function `open` connects.
   * @param open Opens the connection, without handlers for messages.
   * @param options May have a `signal`, which ends the attempt.
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
        // The connection opened before `close` could end the attempt. So it is closed here.
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
   * Begins the closing handshake, or ends the attempt to connect. A second call has no effect.
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
 * Makes a WebSocketStream from an open connection, such as a server's. The connection must have no handlers for messages.
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
      // The standard: "closing a writable closes the WebSocket". The close frame has no code, and the promise waits for the end.
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

/** Closes with the code and reason of a WebSocketError; for any other reason without a code. */
function closeFor(ws: Connection, reason: unknown): void {
  const { closeCode, reason: words } =
    reason instanceof WebSocketError ? reason : { closeCode: null, reason: "" };
  linkOf(ws).close(closeCode ?? 0, words);
}

/** Gives the error for a connection that did not end with a closing handshake; undefined for one that did. */
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
