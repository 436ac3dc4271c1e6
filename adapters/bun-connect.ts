/**
 * Connecting on Bun.
 *
 * @module
 */

import type { ConnectOptions, Transport } from "../src/transport.ts";
import {
  type BunSocket,
  type BunSocketOwner,
  newBunTransport,
  socketHandlers,
} from "./bun-transport.ts";
import { type Attempt, connecting } from "./connecting.ts";
import { connectTransport as connectNodeTransport } from "./node-connect.ts";

interface BunNamespace {
  connect(options: {
    hostname?: string;
    port?: number;
    unix?: string;
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
 * Nor has it one to pull from its sockets, and doing TLS on one that is connected, or inside TLS, is not documented: what
 * leads through a tunnel is made by Bun's `node:net` and `node:tls`.
 *
 * @param attach Called once with the connected transport; it sets the transport's handler before it returns, and its
 * result is what the promise is resolved with.
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws What the tunnel throws; the signal's reason, where it is aborted.
 */
export function connectTransport<Result>(
  options: ConnectOptions,
  attach: (transport: Transport) => Result,
): Promise<Result> {
  const { Bun } = globalThis as unknown as { Bun: BunNamespace };
  const { hostname, port, path, tls } = options;
  if (options.tunnel !== undefined) return connectNodeTransport(options, attach);
  return connecting(options, attach, (attempt) => {
    let opened: BunSocket | undefined;
    Bun.connect({
      ...(path === undefined ? { hostname, port } : { unix: path }),
      allowHalfOpen: true,
      // Never an empty object: Bun takes that for no TLS at all.
      ...(tls === undefined ? {} : { tls: { ...tls, serverName: tls.serverName ?? hostname } }),
      data: newOwner(attempt),
      socket: {
        ...socketHandlers,
        open(socket) {
          opened = socket;
          if (attempt.isOver) socket.terminate();
          else if (tls === undefined) attempt.succeed(newBunTransport(socket, false, options));
        },
        handshake(socket, success, error) {
          // A session without success: the handshake was done, but the certificate is not to be trusted.
          const isWanted = tls?.rejectUnauthorized === false && socket.getSession() !== undefined;
          if (success || isWanted) {
            attempt.succeed(newBunTransport(socket, true, options));
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
