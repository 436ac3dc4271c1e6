/**
 * Node's `node:net` and `node:tls` as transports.
 *
 * @example
 * import { serve } from "framewire/node";
 *
 * const server = await serve({ port: 8080 }, { message: (ws, data) => ws.send(data) });
 *
 * @module
 */

import { connect as connectTcp, createServer, isIP } from "node:net";
import { checkServerIdentity, connect as connectTls, type ConnectionOptions } from "node:tls";
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
import { TransportStream } from "../src/io/transport-stream.ts";
import type { TransportCode } from "../src/errors.ts";
import type {
  ConnectOptions,
  Listener,
  ListenOptions,
  TlsOptions,
  Transport,
  TransportHandler,
} from "../src/transport.ts";
import { connecting } from "./connecting.ts";
import { toTransportError } from "./transport-error.ts";
import { zlibEngine } from "./zlib.ts";

/** What is used of a `net.Socket` or `tls.TLSSocket`. It must have been made with `allowHalfOpen`. */
export interface NodeSocket {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  readonly writable: boolean;
  readonly writableLength: number;
  /** A stream that is not a TCP socket has none. */
  setNoDelay?(noDelay: boolean): unknown;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what Node's own declaration says
  on(event: string, listener: (...values: any[]) => void): unknown;
  write(bytes: Uint8Array, written: () => void): boolean;
  pause(): unknown;
  resume(): unknown;
  end(): unknown;
  destroy(): unknown;
}

/** A `net.Socket` or `tls.TLSSocket` as a transport. */
export class NodeTransport implements Transport {
  handler!: TransportHandler;
  readonly #socket: NodeSocket;
  readonly #written: () => void;
  #isBorrowing = false;
  #error: Error | undefined;

  constructor(socket: NodeSocket) {
    this.#socket = socket;
    this.#written = () => {
      if (!this.#isBorrowing) return;
      this.#isBorrowing = false;
      this.handler.onDrain();
    };
    socket.setNoDelay?.(true);
    socket.on("data", (chunk: Uint8Array) => {
      this.handler.onData(chunk);
    });
    socket.on("end", () => {
      this.handler.onEnd();
    });
    socket.on("error", (error: Error) => {
      this.#error = error; // `close` follows and tells it
    });
    socket.on("close", () => {
      this.handler.onClose(this.#error);
    });
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  write(bytes: Uint8Array): boolean {
    if (!this.#socket.writable) return true;
    this.#socket.write(bytes, this.#written);
    // Nothing left right after the call: the kernel has it all.
    this.#isBorrowing = this.#socket.writableLength > 0;
    return !this.#isBorrowing;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** Listens with `net.createServer`. */
export function listenTransport(
  { port, hostname = "0.0.0.0" }: ListenOptions,
  accept: (transport: Transport) => void,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      accept(new NodeTransport(socket));
    });
    server.once("error", (error) => {
      reject(toTransportError(error));
    });
    server.listen(port, hostname, () => {
      const address = server.address() as { port: number; address: string };
      resolve({
        port: address.port,
        hostname: address.address,
        // The server's own `close` event waits for every connection; accepting ends at once.
        close: async () => {
          server.close();
        },
      });
    });
  });
}

/** Puts TLS options as Node has them. Its own spellings, where they are given, win. */
function toNodeTls({ serverName, ...rest }: TlsOptions, hostname: string): ConnectionOptions {
  const name = serverName ?? hostname;
  return {
    // An address is not sent as SNI (RFC 6066, 3); the certificate has to be for it nevertheless.
    ...(isIP(name) === 0
      ? { servername: name }
      : {
          checkServerIdentity: (_: string, certificate) => checkServerIdentity(name, certificate),
        }),
    ...rest,
  } as ConnectionOptions;
}

/**
 * Connects with `net.connect`, and with `tls.connect` where there are TLS options.
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
  return connecting(signal, attach, (attempt) => {
    const address = { host: hostname, port, allowHalfOpen: true };
    const socket =
      tls === undefined
        ? connectTcp(address)
        : connectTls({ ...toNodeTls(tls, hostname), ...address });
    let stage: TransportCode = "FAILED";
    const onError = (error: Error): void => {
      attempt.fail(error, stage);
    };
    socket.on("error", onError);
    socket.once("connect", () => {
      stage = "TLS_FAILED";
    });
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      attempt.succeed(new NodeTransport(socket));
      socket.off("error", onError);
    });
    return () => {
      socket.destroy();
    };
  });
}

/**
 * Serves WebSocket connections on Node.
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
 * Listens on Node for connections that are pulled, as streams.
 *
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `FAILED`
 */
export function listen(options: StreamListenOptions): Promise<StreamListener> {
  return listenStreams(listenTransport, options);
}

/**
 * Connects on Node, over TCP or TLS, and gives a stream.
 *
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The signal's reason, where it is aborted.
 */
export function connectStream(options: StreamConnectOptions): Promise<TransportStream> {
  return connectStreamOn(connectTransport, options);
}

/**
 * Dials a WebSocket server on Node: connects, and does the opening handshake.
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

/**
 * Makes a stream of a socket that somebody else has read from, such as an HTTP server: an HttpUpgrader's `stream`.
 *
 * The sockets of `node:http` will do on Node, Deno and Bun.
 *
 * @param socket Its `data` events go to the stream from now on.
 */
export function newSocketStream(socket: NodeSocket): TransportStream {
  return new TransportStream(new NodeTransport(socket));
}
