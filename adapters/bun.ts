/**
 * Bun's `Bun.listen` and `Bun.connect` as transports.
 *
 * @example
 * import { serve } from "framewire/bun";
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
import type { ConnectOptions, Listener, ListenOptions, Transport } from "../src/transport.ts";
import {
  type BunSocket,
  type BunSocketOwner,
  BunTransport,
  socketHandlers,
} from "./bun-transport.ts";
import { type Attempt, connecting } from "./connecting.ts";
import { toTransportError } from "./transport-error.ts";
import { zlibEngine } from "./zlib.ts";

export { type BunSocket, type BunSocketOwner, BunTransport } from "./bun-transport.ts";

interface BunNamespace {
  listen(options: {
    port: number;
    hostname: string;
    allowHalfOpen: boolean;
    socket: typeof socketHandlers & { open(socket: BunSocket): void };
  }): { readonly port: number; readonly hostname: string; stop(closeConnections?: boolean): void };
  connect(options: {
    hostname: string;
    port: number;
    allowHalfOpen: boolean;
    tls?: Record<string, unknown>;
    data: BunSocketOwner;
    socket: typeof socketHandlers & {
      open(socket: BunSocket): void;
      handshake(socket: BunTlsSocket, success: boolean, error: Error | null): void;
    };
  }): Promise<unknown>;
}

/** A client's socket, as the end of its TLS handshake sees it. */
interface BunTlsSocket extends BunSocket {
  getSession(): unknown;
}

/** Makes a transport that gets the events of its socket from now on. */
function newTransport(socket: BunSocket): BunTransport {
  const transport = new BunTransport(socket);
  socket.data = transport;
  return transport;
}

/** Listens with `Bun.listen`. */
export async function listenTransport(
  { port, hostname = "0.0.0.0" }: ListenOptions,
  accept: (transport: Transport) => void,
): Promise<Listener> {
  const { Bun } = globalThis as unknown as { Bun: BunNamespace };
  try {
    const listener = Bun.listen({
      port,
      hostname,
      allowHalfOpen: true,
      socket: {
        ...socketHandlers,
        open(socket) {
          accept(newTransport(socket));
        },
      },
    });
    return {
      port: listener.port,
      hostname: listener.hostname,
      close: async () => {
        listener.stop();
      },
    };
  } catch (error) {
    throw toTransportError(error);
  }
}

/** Who gets the events of a socket whose TLS handshake is under way: only its end counts. */
function newOwner(attempt: Attempt): BunSocketOwner {
  return {
    handler: { onData() {} },
    drain() {},
    peerEnd() {},
    close(error) {
      attempt.fail(error ?? new Error("Socket closed in the TLS handshake"), "TLS_FAILED");
    },
  };
}

/**
 * Connects with `Bun.connect`.
 *
 * Bun has no means to give up before the TCP connection stands: a socket that comes after an abort is dropped at once.
 *
 * @param attach Called once with the connected transport; it sets the transport's handler before it returns, and its
 * result is what the promise is resolved with.
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The signal's reason, where it is aborted.
 */
export function connectTransport<Result>(
  { hostname, port, tls, signal }: ConnectOptions,
  attach: (transport: Transport) => Result,
): Promise<Result> {
  const { Bun } = globalThis as unknown as { Bun: BunNamespace };
  return connecting(signal, attach, (attempt) => {
    let opened: BunSocket | undefined;
    Bun.connect({
      hostname,
      port,
      allowHalfOpen: true,
      // Never an empty object: Bun takes that for no TLS at all.
      ...(tls === undefined ? {} : { tls: { ...tls, serverName: tls.serverName ?? hostname } }),
      data: newOwner(attempt),
      socket: {
        ...socketHandlers,
        open(socket) {
          opened = socket;
          if (attempt.isOver) socket.terminate();
          else if (tls === undefined) attempt.succeed(newTransport(socket));
        },
        handshake(socket, success, error) {
          // A session without success: the handshake was done, but the certificate is not to be trusted.
          const isWanted = tls?.rejectUnauthorized === false && socket.getSession() !== undefined;
          if (success || isWanted) {
            attempt.succeed(newTransport(socket));
            return;
          }
          attempt.fail(error, "TLS_FAILED");
          socket.terminate();
        },
      },
    }).catch((error: unknown) => {
      attempt.fail(error);
    });
    return () => opened?.terminate();
  });
}

/**
 * Serves WebSocket connections on Bun.
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
 * Listens on Bun for connections that are pulled, as streams.
 *
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `FAILED`
 */
export function listen(options: StreamListenOptions): Promise<StreamListener> {
  return listenStreams(listenTransport, options);
}

/**
 * Connects on Bun, over TCP or TLS, and gives a stream.
 *
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The signal's reason, where it is aborted.
 */
export function connectStream(options: StreamConnectOptions): Promise<TransportStream> {
  return connectStreamOn(connectTransport, options);
}

/**
 * Dials a WebSocket server on Bun: connects, and does the opening handshake.
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
