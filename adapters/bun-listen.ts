/**
 * Listening on Bun.
 *
 * @module
 */

import type { Listener, ListenOptions, TcpOptions } from "../src/transport.ts";
import {
  type BunSocket,
  type BunSocketOwner,
  newBunTransport,
  socketHandlers,
} from "./bun-transport.ts";
import {
  type Accept,
  type CheckedTls,
  type Handshake,
  Handshakes,
  listening,
  type Place,
} from "./listening.ts";

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
  }): { readonly port?: number; readonly hostname?: string; stop(): void };
}

/** Who gets the events of a socket whose TLS handshake is under way: only its end counts. */
class HandshakeOwner implements BunSocketOwner {
  readonly handler = { onData(): void {} };
  readonly handshake: Handshake;

  constructor(handshake: Handshake) {
    this.handshake = handshake;
  }

  drain(): void {}
  peerEnd(): void {}

  close(): void {
    this.handshake.end();
  }
}

/** What sockets do until their TLS handshake is done. */
function tlsHandlers(tls: CheckedTls, handshakes: Handshakes, accept: Accept, tcp: TcpOptions) {
  const refusesStrangers = tls.requestCert === true && tls.rejectUnauthorized !== false;
  return {
    open(socket: BunSocket): void {
      const drop = (): unknown => socket.terminate();
      socket.data = new HandshakeOwner(handshakes.begin(drop));
    },
    handshake(socket: BunSocket, success: boolean, error: Error | null): void {
      // Told of a connection that has its transport: a handshake within it, which changes nothing.
      if (!(socket.data instanceof HandshakeOwner)) return;
      const isWanted = socket.data.handshake.end();
      // Success with an error: a handshake that was done with a certificate that is not to be trusted, or with none.
      if (isWanted && success && !(refusesStrangers && error !== null)) {
        accept(newBunTransport(socket, true, tcp));
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
  };
}

/** Refuses what the sockets of Bun's `node:http` leave undone in silence. */
function checkTcp({ server, noDelay, keepAlive = false }: ListenOptions): void {
  if (server === undefined || (noDelay !== false && keepAlive === false)) return;
  throw new TypeError(
    "Bun has no noDelay: false and no keepAlive for an HTTP server's connections: listen on a port instead",
  );
}

/** Listens with `Bun.listen`, or takes the connections of a server of Bun's `node:net`, `node:tls` or `node:http`. */
export async function listenTransport(options: ListenOptions, accept: Accept): Promise<Listener> {
  checkTcp(options);
  return listening({ listen }, options, accept);
}
