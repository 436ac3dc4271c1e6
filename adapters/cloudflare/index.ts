/**
 * Clients on Cloudflare's Workers and Durable Objects, over their TCP sockets. They can do what the `WebSocket` of Workers
 * cannot, such as headers, a proxy, the response of a server that refuses, pings, messages as streams, and back-pressure.
 *
 * A connection belongs to the request, or the Durable Object, that has opened it, like every use of the network on Workers. Only
 * the platform itself can be a server: docs/edge.md tells what is possible.
 *
 * @example
 * import { connect } from "framewire/cloudflare";
 *
 * export default {
 *   async fetch() {
 *     const ws = await connect("wss://example.org/feed", { headers: [["Authorization", "Bearer secret"]] });
 *     await ws.send("latest");
 *     const latest = await ws.receive();
 *     await ws.close();
 *     return new Response(String(latest));
 *   },
 * };
 *
 * @module framewire/cloudflare
 */

import { type Clock, deadlinesOn, systemClock } from "../../src/clock.ts";
import { type ClientOptions, connectOn } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers } from "../../src/connection/handlers.ts";
import type { RuntimeServices } from "../../src/connection/runtime-services.ts";
import {
  WebSocketStream as BaseStream,
  type WebSocketStreamOptions,
} from "../../src/connection/client/websocket-stream.ts";
import type { DialerOptions, DialOptions } from "../../src/handshake/client/dial-options.ts";
import { dialOn } from "../../src/handshake/client/dialer.ts";
import type { UpgradedStream } from "../../src/handshake/upgraded-stream.ts";
import { connectStreamOn, type StreamConnectOptions } from "../../src/io/connect-stream.ts";
import type { TransportStream } from "../../src/io/transport-stream.ts";
import { connectTransport } from "./connect.ts";

export { connectTransport } from "./connect.ts";

/** V8 keeps arrays of up to 64 bytes in its own heap. */
const host: RuntimeServices = { ownBufferSize: 64 };

/** Makes a separate clock: a timer belongs to the request that has made it, so that connections must not share one. */
function newClock(): Clock {
  return { ...systemClock };
}

/**
 * Opens a connection to a WebSocket server, on Workers.
 *
 * All options of the other runtimes exist, except what Workers cannot do: `path`, `noDelay`, `keepAlive`, a `proxy` from the
 * "environment", options of `tls` other than `serverName`, and a wss URL through an https proxy. Compression needs an engine,
 * since Workers have `node:zlib` only with a flag: `compression: { engine: zlibEngine() }` of `framewire/zlib`.
 *
 * @param url With the scheme ws or wss, or http or https, which mean the same.
 * @returns Resolves when the connection is open; `open` has been called by then.
 * @throws {TypeError} The URL or an option is wrong, or asks for something that Workers cannot do.
 * @throws {DialError} The response does not accept the handshake: `status`, `headers` and `body` tell what it says.
 * @throws {TimeoutError} `DIAL_TIMEOUT`
 * @throws {TransportError} `REFUSED` (also if there is no such host), `TLS_FAILED`, `PROXY_FAILED`, `UNEXPECTED_END`,
 * `RESET`, `FAILED`
 * @throws The signal's reason, if it is aborted.
 */
export async function connect<Context = unknown>(
  url: string | { readonly href: string },
  options: ClientOptions<Context> = {},
  handlers?: Handlers<Context>,
): Promise<Connection<Context>> {
  if (options.proxy === "environment") {
    throw new TypeError("Workers have no environment that names a proxy: give its URL");
  }
  const clock = options.clock ?? newClock();
  return connectOn(connectTransport, url, { ...options, clock }, handlers, host);
}

/**
 * The standard's WebSocketStream, a client on Workers.
 *
 * @see WHATWG WebSockets, 5
 */
export class WebSocketStream extends BaseStream {
  /**
   * Begins to connect; `opened` resolves when the connection is open.
   *
   * @param url As for {@link connect}.
   * @param options The options of the standard, and those of {@link connect}.
   */
  constructor(
    url: string | { readonly href: string },
    options: WebSocketStreamOptions & ClientOptions = {},
  ) {
    const href = typeof url === "string" ? url : url.href;
    super(href, (signal) => connect(href, { ...options, signal }), options);
  }
}

/**
 * Connects on Workers, over TCP or TLS, and gives the connection as a stream.
 *
 * @throws As {@link connectTransport}.
 */
export function connectStream(options: StreamConnectOptions): Promise<TransportStream> {
  const deadlines = options.deadlines ?? deadlinesOn(newClock());
  return connectStreamOn(connectTransport, { ...options, deadlines });
}

/**
 * Dials a WebSocket server on Workers: it connects, and does the opening handshake.
 *
 * @param url With the scheme ws or wss, without fragment and credentials.
 * @throws As `Dialer.dial`.
 * @see gobwas Dial
 */
export function dial(
  url: string | { readonly href: string },
  options: DialerOptions & DialOptions = {},
): Promise<UpgradedStream> {
  const deadlines = options.deadlines ?? deadlinesOn(newClock());
  return dialOn(connectTransport, url, { ...options, deadlines });
}
