/**
 * Listening on Bun.
 *
 * @module
 */

import type { Listener, ListenOptions, TcpOptions } from "../../src/transport.ts";
import { HandshakeOwner, isTrustedClient } from "./tls-handshake.ts";
import { bunServerTls } from "./tls-names.ts";
import { type BunSocket, newBunTransport, socketHandlers } from "./transport.ts";
import {
  type Accept,
  type CheckedTls,
  type Handshake,
  Handshakes,
  listening,
  type Place,
} from "../listening.ts";
import { listenBehindBalancers } from "../proxied-tls.ts";
import { otherRuntimeError } from "../own-runtime.ts";

interface BunNamespace {
  listen(options: {
    port?: number;
    hostname?: string;
    unix?: string;
    reusePort?: boolean;
    allowHalfOpen: boolean;
    tls?: Record<string, unknown>;
    socket: typeof socketHandlers & {
      open(socket: BunSocket): void;
      handshake?(socket: BunSocket, success: boolean, error: Error | null): void;
    };
  }): {
    readonly port?: number;
    readonly hostname?: string;
    stop(): void;
    ref(): void;
    unref(): void;
  };
}

/** A socket's owner until its TLS handshake is done. It waits for the end of the handshake. */
class WaitingOwner extends HandshakeOwner {
  readonly handshake: Handshake;

  constructor(drop: () => void, handshake: Handshake) {
    super(drop, () => void handshake.end());
    this.handshake = handshake;
  }
}

/** The handlers of sockets until their TLS handshake is done. */
function tlsHandlers(tls: CheckedTls, handshakes: Handshakes, accept: Accept, tcp: TcpOptions) {
  const isAsked = tls.requestCert === true;
  const refusesStrangers = isAsked && tls.rejectUnauthorized !== false;
  return {
    open(socket: BunSocket): void {
      const drop = (): void => void socket.terminate();
      socket.data = new WaitingOwner(drop, handshakes.begin(drop));
    },
    handshake(socket: BunSocket, success: boolean, error: Error | null): void {
      const owner = socket.data;
      // A later handshake of a connection that already has its transport changes nothing.
      if (!(owner instanceof WaitingOwner)) return;
      const isWanted = owner.handshake.end();
      // Success with an error means a handshake with an untrusted certificate, or with none.
      const isTrusted = isTrustedClient(socket, error, isAsked);
      if (isWanted && success && (isTrusted || !refusesStrangers)) {
        const transport = newBunTransport(socket, true, tcp, isTrusted);
        accept(transport);
        owner.passOn(transport);
      } else socket.terminate();
    },
  };
}

/** Listens with `Bun.listen`. */
function listen(
  place: Place,
  tls: CheckedTls | undefined,
  accept: Accept,
  tcp: TcpOptions,
): Listener {
  const { Bun } = globalThis as unknown as { Bun: BunNamespace };
  const handshakes = new Handshakes(tls?.handshakeTimeout ?? Infinity);
  const { path, port, hostname, reusePort } = place;
  const listener = Bun.listen({
    ...(path === undefined ? { port, hostname, reusePort } : { unix: path }),
    allowHalfOpen: true,
    ...(tls === undefined ? {} : { tls }),
    socket: {
      ...socketHandlers,
      ...(tls === undefined
        ? {
            open(socket) {
              accept(newBunTransport(socket, false, tcp));
            },
          }
        : tlsHandlers(tls, handshakes, accept, tcp)),
    },
  });
  return {
    port: listener.port ?? 0,
    hostname: listener.hostname ?? path ?? "",
    close: async () => {
      listener.stop();
      handshakes.close();
    },
    ref: () => {
      listener.ref();
    },
    unref: () => {
      listener.unref();
    },
  };
}

/** Refuses options of TCP that the sockets of Bun's `node:http` silently ignore. */
function checkTcp({ server, noDelay, keepAlive = false }: ListenOptions): void {
  if (server === undefined || (noDelay !== false && keepAlive === false)) return;
  throw new TypeError(
    "Bun has no noDelay: false and no keepAlive for an HTTP server's connections: listen on a port instead",
  );
}

/** Refuses a `backlog` that Bun would silently ignore. */
function checkBacklog({ backlog }: ListenOptions): void {
  if (backlog === undefined) return;
  throw new TypeError("Bun has no backlog, and always asks the system for 512: leave it out");
}

/** Listens with `Bun.listen`, or takes the connections of a server of Bun's `node:net`, `node:tls` or `node:http`. */
export async function listenTransport(options: ListenOptions, accept: Accept): Promise<Listener> {
  const error = otherRuntimeError("Bun");
  if (error !== undefined) throw error;
  checkTcp(options);
  checkBacklog(options);
  const how = listenBehindBalancers(options, listen);
  return listening({ listen: how, tlsTable: bunServerTls }, options, accept);
}
