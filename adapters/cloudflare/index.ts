/**
 * Cloudflare's Workers and Durable Objects as clients, over their TCP sockets: what the `WebSocket` of Workers lacks, such as
 * headers, a proxy, what a server answers that refuses, pings, messages as streams, and back-pressure.
 *
 * A connection belongs to the request, or the Durable Object, that has opened it, as all that Workers do over a network.
 * Servers are for the platform: docs/edge.md tells what can be had.
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

/** V8's own heap has arrays of up to 64 bytes. */
const host: RuntimeServices = { ownBufferSize: 64 };

/** Makes a clock of its own: a timer belongs to the request that has made it, so that connections must not share one. */
function newClock(): Clock {
  return { ...systemClock };
}

/**
 * Opens a connection to a WebSocket server, on Workers.
 *
 * All options of the other runtimes are there but for what Workers cannot do: `path`, `noDelay`, `keepAlive`, a `proxy` of
 * the "environment", options of `tls` other than `serverName`, and a wss URL through an https proxy. Compression needs an
 * engine, since Workers have `node:zlib` by a flag alone: `compression: { engine: zlibEngine() }` of `framewire/zlib`.
 *
 * @param url With the scheme ws or wss; http and https stand for them.
 * @returns Resolves when the connection is open; `open` has been called by then.
 * @throws {TypeError} The URL, or an option, is wrong, or something that Workers cannot do.
 * @throws {DialError} The response is not the right one: `status`, `headers` and `body` tell what it says.
 * @throws {TimeoutError} `DIAL_TIMEOUT`
 * @throws {TransportError} `REFUSED` (also where there is no such host), `TLS_FAILED`, `PROXY_FAILED`, `UNEXPECTED_END`,
 * `RESET`, `FAILED`
 * @throws The signal's reason, where it is aborted.
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
 * The standard's WebSocketStream as a client on Workers.
 *
 * @see WHATWG WebSockets, 5
 */
export class WebSocketStream extends BaseStream {
  /**
   * Begins to connect; `opened` tells when it is done.
   *
   * @param url As for {@link connect}.
   * @param options Those of the standard, and those of {@link connect}.
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
 * Connects on Workers, over TCP or TLS, and gives a stream.
 *
 * @throws As {@link connectTransport}.
 */
export function connectStream(options: StreamConnectOptions): Promise<TransportStream> {
  const deadlines = options.deadlines ?? deadlinesOn(newClock());
  return connectStreamOn(connectTransport, { ...options, deadlines });
}

/**
 * Dials a WebSocket server on Workers: connects, and does the opening handshake.
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
