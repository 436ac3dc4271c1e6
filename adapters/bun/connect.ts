/**
 * Connecting on Bun.
 *
 * @module
 */

import { closeSync, openSync } from "node:fs";
import { devNull } from "node:os";
import type { ConnectOptions, TlsOptions, Transport } from "../../src/transport.ts";
import { HandshakeOwner, serverError } from "./tls-handshake.ts";
import { bunClientTls } from "./tls-names.ts";
import {
  type BunSocket,
  type BunSocketOwner,
  newBunTransport,
  socketHandlers,
} from "./transport.ts";
import { connecting, type PendingConnect } from "../connecting.ts";
import { connectTransport as connectNodeTransport } from "../node/connect.ts";
import { otherRuntimeError } from "../own-runtime.ts";
import { demandsTrust, peerName, sniOf } from "../peer-identity.ts";

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

/** A client's socket with the members that are used at the end of its TLS handshake. */
interface BunTlsSocket extends BunSocket {
  getSession(): unknown;
}

/** Gives TLS options in the form of Bun. */
function toBunTls(tls: TlsOptions, name: string): Record<string, unknown> {
  // Never an empty object: Bun takes that for no TLS. serverName is always set: without it Bun sends even an address.
  return { ...tls, serverName: sniOf(name) ?? "" };
}

/**
 * Finds the true reason: Bun says "refused" too if it had no file descriptor for a socket. Then it has none for a file either.
 */
function reasonOf(error: unknown): unknown {
  if ((error as { code?: unknown }).code !== "ECONNREFUSED") return error;
  try {
    closeSync(openSync(devNull, "r"));
    return error;
  } catch (cause) {
    return cause;
  }
}

/**
 * Connects with `Bun.connect`.
 *
 * Bun cannot cancel an attempt before the TCP connection exists: a socket that comes after an abort is dropped at once. Bun's
 * sockets cannot be read on demand either, and TLS on a connected socket, or inside TLS, is not documented. Therefore connections
 * through a tunnel are made by Bun's `node:net` and `node:tls`.
 *
 * @param attach Called once with the connected transport. It must set the handler of the transport before it returns; its
 * result becomes the result of the promise.
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws {TypeError} This is another runtime.
 * @throws The error of the tunnel; the signal's reason, if it is aborted.
 */
export function connectTransport<Result>(
  options: ConnectOptions,
  attach: (transport: Transport) => Result,
): Promise<Result> {
  const error = otherRuntimeError("Bun");
  if (error !== undefined) return Promise.reject(error);
  const { Bun } = globalThis as unknown as { Bun: BunNamespace };
  const { hostname, port, path } = options;
  if (options.tunnel !== undefined) return connectNodeTransport(options, attach);
  const begin = (attempt: PendingConnect, { tls }: ConnectOptions): (() => void) => {
    let opened: BunSocket | undefined;
    const name = tls === undefined ? "" : peerName(tls, hostname);
    const owner = new HandshakeOwner(
      () => opened?.terminate(),
      (error) => {
        attempt.fail(error ?? new Error("Socket closed in the TLS handshake"), "TLS_FAILED");
      },
    );
    Bun.connect({
      ...(path === undefined ? { hostname, port } : { unix: path }),
      allowHalfOpen: true,
      ...(tls === undefined ? {} : { tls: toBunTls(tls, name) }),
      data: owner,
      socket: {
        ...socketHandlers,
        open(socket) {
          opened = socket;
          if (attempt.isOver) socket.terminate();
          else if (tls === undefined) attempt.succeed(newBunTransport(socket, false, options));
        },
        handshake(socket, success, error) {
          // A later handshake of a connection that already has its transport changes nothing.
          if (tls === undefined || socket.data !== owner) return;
          const wrong = serverError(socket, success, error, tls, name);
          // With a session the handshake was done: only the server's certificate is not trusted.
          const isWanted = !demandsTrust(tls) && socket.getSession() !== undefined;
          if (wrong === undefined || isWanted) {
            const transport = newBunTransport(socket, true, options, wrong === undefined);
            attempt.succeed(transport);
            owner.passOn(transport);
            return;
          }
          attempt.fail(wrong, "TLS_FAILED");
          socket.terminate();
        },
      },
    }).catch((error: unknown) => {
      attempt.fail(reasonOf(error));
    });
    return () => opened?.terminate();
  };
  return connecting(options, attach, begin, bunClientTls);
}
