/**
 * Deno's `Deno.listen` and `Deno.connect` as transports.
 *
 * @example
 * import { serve } from "framewire/deno";
 *
 * const server = await serve({ port: 8080 }, { message: (ws, data) => ws.send(data) });
 *
 * @module framewire/deno
 */

import { adoptOn, type AdoptOptions } from "../../src/connection/adopt.ts";
import { type ClientOptions, connectOn } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers, RouteContexts, ServerHandlers } from "../../src/connection/handlers.ts";
import {
  WebSocketStream as BaseStream,
  type WebSocketStreamOptions,
} from "../../src/connection/client/websocket-stream.ts";
import {
  type ServeOptions,
  createServerOn,
  type Server,
  serveOn,
} from "../../src/connection/server/serve.ts";
import type { DialerOptions, DialOptions } from "../../src/handshake/client/dial-options.ts";
import { dialOn } from "../../src/handshake/client/dialer.ts";
import type { UpgradedStream } from "../../src/handshake/upgraded-stream.ts";
import { connectStreamOn, type StreamConnectOptions } from "../../src/io/connect-stream.ts";
import {
  listenStreams,
  type StreamListener,
  type StreamListenOptions,
} from "../../src/io/stream-listener.ts";
import type { TransportStream } from "../../src/io/transport-stream.ts";
import type { Transport } from "../../src/transport.ts";
import { connectTransport } from "./connect.ts";
import { listenTransport } from "./listen.ts";
import { runtimeServices } from "../runtime-services.ts";

export { connectTransport } from "./connect.ts";
export { type DenoListener, listenTransport } from "./listen.ts";
export type { Accept } from "../listening.ts";
export {
  type DenoAddr,
  type DenoConn,
  type DenoHandshake,
  type DenoOrigin,
  DenoTransport,
} from "./transport.ts";

/**
 * Serves WebSocket connections on Deno; it needs `--allow-net`.
 *
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `TLS_FAILED`, `FAILED`
 * @throws {TypeError} Not exactly one of `port`, `path`, `server` and `listener` is given, or the runtime cannot do what an
 * option asks for.
 * @throws {RangeError} An option is out of range.
 */
export function serve<Context = unknown, Contexts extends object = RouteContexts>(
  options: ServeOptions,
  handlers: ServerHandlers<Context, Contexts>,
): Promise<Server<Context>> {
  return serveOn(listenTransport, options, handlers, runtimeServices());
}

/**
 * Makes a server on Deno at once, and begins to listen: like {@link serve}, for code that cannot wait.
 *
 * @example
 * const server = createServer({ port: 8080 }, { message: (ws, data) => ws.send(data) });
 * await server.listening;
 *
 * @returns The server; its `listening` rejects with the errors of {@link serve}, such as `ADDRESS_IN_USE`.
 * @throws {TypeError} An option or a handler is unknown or has a wrong type.
 * @throws {RangeError} An option is out of range.
 */
export function createServer<Context = unknown, Contexts extends object = RouteContexts>(
  options: ServeOptions,
  handlers: ServerHandlers<Context, Contexts>,
): Server<Context> {
  return createServerOn(listenTransport, options, handlers, runtimeServices());
}

/**
 * Opens a connection to a WebSocket server, on Deno.
 *
 * @param url With the scheme ws or wss, or http or https, which mean the same.
 * @returns Resolves when the connection is open; `open` has been called by then.
 * @throws {TypeError} The URL or an option is wrong.
 * @throws {DialError} The response does not accept the handshake: `status`, `headers` and `body` tell what it says.
 * @throws {TimeoutError} `DIAL_TIMEOUT`
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `PROXY_FAILED`, `UNEXPECTED_END`, `RESET`, `FAILED`
 * @throws The signal's reason, if it is aborted.
 */
export function connect<Context = unknown>(
  url: string | { readonly href: string },
  options?: ClientOptions<Context>,
  handlers?: Handlers<Context>,
): Promise<Connection<Context>> {
  return connectOn(connectTransport, url, options, handlers, runtimeServices());
}

/**
 * Makes a connection of a transport whose opening handshake other code has done, on Deno.
 *
 * @param transport Connected to the peer; only frames may follow, in both directions. It belongs to the connection from now on.
 * @param adopted The results of the handshake.
 * @returns The open connection. `open` has been called, and `message` for the messages in `early`.
 * @throws {TypeError} An option or a handler is unknown or has a wrong type; `extensions` names one that the options do not have.
 * @throws {RangeError} An option is out of range.
 */
export function adopt<Context = unknown>(
  transport: Transport,
  adopted: AdoptOptions<Context>,
  handlers?: Handlers<Context>,
): Connection<Context> {
  return adoptOn(transport, adopted, handlers, runtimeServices());
}

/**
 * The standard's WebSocketStream, a client on Deno.
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
 * Listens on Deno, and gives each connection as a stream to read from; it needs `--allow-net`.
 *
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `TLS_FAILED`, `FAILED`
 * @throws {TypeError} Not exactly one of `port`, `path`, `server` and `listener` is given, or the runtime cannot do what an
 * option asks for.
 */
export function listen(options: StreamListenOptions): Promise<StreamListener> {
  return listenStreams(listenTransport, options);
}

/**
 * Connects on Deno, over TCP or TLS, and gives the connection as a stream; it needs `--allow-net`.
 *
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The signal's reason, if it is aborted.
 */
export function connectStream(options: StreamConnectOptions): Promise<TransportStream> {
  return connectStreamOn(connectTransport, options);
}

/**
 * Dials a WebSocket server on Deno: it connects, and does the opening handshake; it needs `--allow-net`.
 *
 * @param url With the scheme ws or wss, without fragment and credentials.
 * @throws As `Dialer.dial`.
 * @see gobwas Dial
 */
export function dial(
  url: string | { readonly href: string },
  options?: DialerOptions & DialOptions,
): Promise<UpgradedStream> {
  return dialOn(connectTransport, url, options);
}
