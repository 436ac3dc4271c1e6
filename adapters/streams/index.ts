/**
 * Any pair of the Web's streams as a connection: sockets of edge platforms, WebTransport, child processes. It needs no runtime,
 * only the standard's globals.
 *
 * @example
 * import { connect } from "cloudflare:sockets";
 * import { connect as connectWebSocket } from "framewire/streams";
 *
 * const ws = await connectWebSocket("wss://example.org/", {
 *   open: ({ hostname, port, encrypted }) =>
 *     connect(
 *       { hostname, port },
 *       { secureTransport: encrypted ? "on" : "off", allowHalfOpen: true, highWaterMark: 1 },
 *     ),
 * });
 *
 * @module framewire/streams
 */

import { type ClientOptions, connectOn } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers, RouteContexts, ServerHandlers } from "../../src/connection/handlers.ts";
import type { RuntimeServices } from "../../src/connection/runtime-services.ts";
import { TransportError } from "../../src/errors.ts";
import { listenTable } from "../../src/io/stream-listener.ts";
import { type ServeOptions, Server } from "../../src/connection/server/serve.ts";
import type { Connect, ListenOptions, Signal, TlsOptions, Transport } from "../../src/transport.ts";
import { connecting } from "../connecting.ts";
import { type StreamFacts, type StreamPair, StreamsTransport } from "./transport.ts";

export type { StreamFacts, StreamPair } from "./transport.ts";

/** The target that streams must lead to. */
export interface StreamsTarget {
  /** Name or address; IPv6 without brackets. */
  readonly hostname: string;
  /** TCP port, 1 to 65535. */
  readonly port: number;
  /** Whether the streams must use TLS: the URL says wss. */
  readonly encrypted: boolean;
  /** The option `tls`, unchanged. */
  readonly tls: TlsOptions | undefined;
  /** Aborted when the streams are no longer needed; streams that come later are closed. */
  readonly signal: Signal | undefined;
}

/** Opens a pair of streams. An error that it throws becomes the `cause` of a `TransportError` `FAILED`. */
export type OpenStreams = (target: StreamsTarget) => StreamPair | Promise<StreamPair>;

/** Options of a client over streams. */
export interface StreamsClientOptions<Context = unknown> extends ClientOptions<Context> {
  /** Opens the streams. */
  readonly open: OpenStreams;
  /** Services of a runtime, such as compression by `{ engine: zlibEngine() }`. Default: none. */
  readonly runtime?: RuntimeServices | undefined;
}

/** Options of a server without a listener. */
export interface StreamsServerOptions extends Omit<ServeOptions, keyof ListenOptions> {
  /** As {@link StreamsClientOptions.runtime}. */
  readonly runtime?: RuntimeServices | undefined;
}

/**
 * Makes a transport of a pair of streams: `server.accept(streamsTransport(pair))`.
 *
 * @param pair Both streams belong to the transport from now on.
 * @throws {TypeError} One of the streams is locked.
 */
export function streamsTransport(pair: StreamPair, facts?: StreamFacts): Transport {
  return new StreamsTransport(pair, facts);
}

/**
 * Makes a function that connects out of one that opens streams: for `connectOn` and `connectStreamOn`.
 *
 * Only `open` could use a proxy or a Unix socket: with those options, connecting fails with a TypeError.
 */
export function connectBy(open: OpenStreams): Connect {
  return (options, attach) =>
    connecting(options, attach, (attempt) => {
      const { hostname, port, path, tunnel, tls, signal } = options;
      if (path !== undefined || tunnel !== undefined) {
        attempt.reject(
          new TypeError("Over streams there is no path and no proxy: open() may lead there"),
        );
        return () => {};
      }
      const encrypted = tls !== undefined;
      void Promise.resolve()
        .then(() => open({ hostname, port, encrypted, tls, signal }))
        .then((pair) => opened(pair, encrypted))
        .then((pair) => new StreamsTransport(pair, { remotePort: port, encrypted }))
        .then(
          (transport) => {
            attempt.succeed(transport);
          },
          (error: unknown) => {
            attempt.fail(error);
          },
        );
      return () => {};
    });
}

/** Waits until the streams are connected. A socket that does both TLS and TCP does not tell which of them failed. */
async function opened(pair: StreamPair, encrypted: boolean): Promise<StreamPair> {
  if (pair.opened === undefined) return pair;
  try {
    await pair.opened;
    return pair;
  } catch (error) {
    throw encrypted ? new TransportError("FAILED", { cause: error }) : error;
  }
}

/**
 * Opens a connection to a WebSocket server over streams.
 *
 * @param url With the scheme ws or wss, or http or https, which mean the same.
 * @returns Resolves when the connection is open; `open` has been called by then.
 * @throws As `connect` of `framewire/node`; `TransportError` if the streams cannot be opened: `FAILED`, or `REFUSED` if their
 * `opened` says so.
 */
export function connect<Context = unknown>(
  url: string | { readonly href: string },
  { open, runtime, ...options }: StreamsClientOptions<Context>,
  handlers?: Handlers<Context>,
): Promise<Connection<Context>> {
  return connectOn(connectBy(open), url, options, handlers, runtime);
}

/**
 * Makes a server without a listener: it serves the transports given to `accept`.
 *
 * @example
 * const server = createServer({}, { message: (ws, data) => ws.send(data) });
 * server.accept(streamsTransport(pair));
 *
 * @throws {TypeError} An option or a handler is unknown or has a wrong type; compression is asked for, and there is no engine.
 * @throws {RangeError} An option is out of range.
 */
export function createServer<Context = unknown, Contexts extends object = RouteContexts>(
  { runtime, ...options }: StreamsServerOptions,
  handlers: ServerHandlers<Context, Contexts>,
): Server<Context> {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || !Object.hasOwn(listenTable, name)) continue;
    throw new TypeError(
      `Unknown option ${name}: this server does not listen; give it its connections by accept()`,
    );
  }
  return new Server<Context>(options, handlers as ServerHandlers<Context>, runtime);
}
