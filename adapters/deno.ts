/**
 * Deno's `Deno.listen` and `Deno.connect` as transports.
 *
 * @example
 * import { serve } from "framewire/deno";
 *
 * const server = await serve({ port: 8080 }, { message: (ws, data) => ws.send(data) });
 *
 * @module
 */

import type { ServerHandlers } from "../src/connection/handlers.ts";
import { type ServeOptions, type Server, serveOn } from "../src/connection/serve.ts";
import { dialOn, type DialerOptions, type DialOptions } from "../src/handshake/dialer.ts";
import type { UpgradedStream } from "../src/handshake/upgraded-stream.ts";
import { connectStreamOn, type StreamConnectOptions } from "../src/io/connect-stream.ts";
import {
  listenStreams,
  type StreamListener,
  type StreamListenOptions,
} from "../src/io/stream-listener.ts";
import type { TransportStream } from "../src/io/transport-stream.ts";
import { TransportError } from "../src/errors.ts";
import type {
  ConnectOptions,
  Listener,
  ListenOptions,
  TlsOptions,
  Transport,
} from "../src/transport.ts";
import { connecting } from "./connecting.ts";
import { type DenoConn, DenoTransport } from "./deno-transport.ts";
import { toTransportError } from "./transport-error.ts";
import { zlibEngine } from "./zlib.ts";

export { type DenoConn, DenoTransport } from "./deno-transport.ts";

/** What is used of a `Deno.TcpListener`. */
export interface DenoListener {
  readonly addr: { readonly hostname: string; readonly port: number };
  accept(): Promise<DenoConn>;
  close(): void;
}

/** What is used of a `Deno.TlsConn` beside that. */
interface DenoTlsConn extends DenoConn {
  handshake(): Promise<unknown>;
}

interface DenoNamespace {
  listen(options: { port: number; hostname: string }): DenoListener;
  connect(options: { port: number; hostname: string; signal: AbortSignal }): Promise<DenoConn>;
  connectTls(options: TlsOptions & { port: number; hostname: string }): Promise<DenoTlsConn>;
  startTls(conn: DenoConn, options: TlsOptions & { hostname: string }): Promise<DenoTlsConn>;
}

/** Milliseconds before another try where accepting fails, such as for want of file descriptors. */
const acceptPause = 50;

/** Accepts until the listener is closed, whatever single connections do. */
async function acceptAll(
  listener: DenoListener,
  accept: (transport: Transport) => void,
  isClosed: () => boolean,
): Promise<void> {
  while (!isClosed()) {
    try {
      accept(new DenoTransport(await listener.accept()));
    } catch (error) {
      if (isClosed()) return;
      // A peer that resets before it is accepted costs nothing; anything else is no reason to turn in circles.
      if ((error as Error).name === "NotConnected") continue;
      await new Promise((resolve) => setTimeout(resolve, acceptPause));
    }
  }
}

/** Listens with `Deno.listen`. */
export async function listenTransport(
  { port, hostname = "0.0.0.0" }: ListenOptions,
  accept: (transport: Transport) => void,
): Promise<Listener> {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  let listener: DenoListener;
  try {
    listener = Deno.listen({ port, hostname });
  } catch (error) {
    throw toTransportError(error);
  }
  let closed = false;
  void acceptAll(listener, accept, () => closed);
  return {
    port: listener.addr.port,
    hostname: listener.addr.hostname,
    close: async () => {
      if (closed) return;
      closed = true;
      listener.close();
    },
  };
}

/** Does the TLS handshake; the connection is closed where that fails or `signal` is aborted. */
async function shakeHands(conn: DenoTlsConn, signal: AbortSignal): Promise<DenoConn> {
  const close = (): void => {
    conn.close();
  };
  if (signal.aborted) close();
  signal.addEventListener("abort", close);
  try {
    await conn.handshake();
    signal.throwIfAborted();
    return conn;
  } catch (cause) {
    if (!signal.aborted) close();
    throw new TransportError("TLS_FAILED", { cause });
  } finally {
    signal.removeEventListener("abort", close);
  }
}

/** Connects, then does TLS: this way a certificate may be for another name than the host's. */
async function openTls(
  { hostname, port }: ConnectOptions,
  { serverName = hostname, ca, cert, key, ...rest }: TlsOptions,
  signal: AbortSignal,
): Promise<DenoConn> {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  const options = ca === undefined ? rest : { ...rest, caCerts: [ca].flat() };
  if (cert !== undefined || key !== undefined) {
    // `startTls` takes no certificate of the client's, and `connectTls` no other name.
    if (serverName !== hostname) {
      throw new TypeError("Deno takes a client's certificate only where serverName is the host");
    }
    return shakeHands(await Deno.connectTls({ ...options, hostname, port, cert, key }), signal);
  }
  const tcp = await Deno.connect({ hostname, port, signal });
  tcp.setNoDelay?.(true);
  let conn: DenoTlsConn;
  try {
    conn = await Deno.startTls(tcp, { ...options, hostname: serverName });
  } catch (cause) {
    tcp.close();
    throw new TransportError("TLS_FAILED", { cause });
  }
  return shakeHands(conn, signal);
}

/**
 * Connects with `Deno.connect`, and `Deno.startTls` where there are TLS options; it needs `--allow-net`.
 *
 * With a client's certificate, `Deno.connectTls` is used: then `serverName` cannot differ from the host, Nagle's
 * algorithm stays on, and what is aborted before the TCP connection stands is closed as soon as it does. Deno cannot take
 * back a TLS handshake that the peer does not answer: an abort rejects at once, but the socket stays until the peer goes.
 *
 * @param attach Called once with the connected transport; it sets the transport's handler before it returns, and its
 * result is what the promise is resolved with.
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The signal's reason, where it is aborted.
 */
export function connectTransport<Result>(
  options: ConnectOptions,
  attach: (transport: Transport) => Result,
): Promise<Result> {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  const { hostname, port, tls } = options;
  return connecting(options.signal, attach, (attempt) => {
    // Deno knows its own signals alone.
    const abort = new AbortController();
    const opening =
      tls === undefined
        ? Deno.connect({ hostname, port, signal: abort.signal })
        : openTls(options, tls, abort.signal);
    opening
      .then((conn) => {
        attempt.succeed(new DenoTransport(conn));
      })
      .catch((error: unknown) => {
        attempt.fail(error);
      });
    return () => {
      abort.abort();
    };
  });
}

/**
 * Serves WebSocket connections on Deno; it needs `--allow-net`.
 *
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `FAILED`
 * @throws {RangeError} An option is out of its range.
 */
export function serve<Context = unknown>(
  options: ServeOptions,
  handlers: ServerHandlers<Context>,
): Promise<Server<Context>> {
  return serveOn(listenTransport, options, handlers, zlibEngine());
}

/**
 * Listens on Deno for connections that are pulled, as streams; it needs `--allow-net`.
 *
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `FAILED`
 */
export function listen(options: StreamListenOptions): Promise<StreamListener> {
  return listenStreams(listenTransport, options);
}

/**
 * Connects on Deno, over TCP or TLS, and gives a stream; it needs `--allow-net`.
 *
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The signal's reason, where it is aborted.
 */
export function connectStream(options: StreamConnectOptions): Promise<TransportStream> {
  return connectStreamOn(connectTransport, options);
}

/**
 * Dials a WebSocket server on Deno: connects, and does the opening handshake; it needs `--allow-net`.
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
