/**
 * Listening on Bun.
 *
 * @module
 */

import type { Listener, ListenOptions } from "../src/transport.ts";
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
function tlsHandlers(tls: CheckedTls, handshakes: Handshakes, accept: Accept) {
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
        accept(newBunTransport(socket, true));
      } else socket.terminate();
    },
  };
}

/** Listens with `Bun.listen`. */
function listen(place: Place, tls: CheckedTls | undefined, accept: Accept): Listener {
  const { Bun } = globalThis as unknown as { Bun: BunNamespace };
  const handshakes = new Handshakes(tls?.handshakeTimeout ?? Infinity);
  const { path, port, hostname } = place;
  const listener = Bun.listen({
    ...(path === undefined ? { port, hostname } : { unix: path }),
    allowHalfOpen: true,
    ...(tls === undefined ? {} : { tls }),
    socket: {
      ...socketHandlers,
      ...(tls === undefined
        ? {
            open(socket) {
              accept(newBunTransport(socket, false));
            },
          }
        : tlsHandlers(tls, handshakes, accept)),
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

/** Listens with `Bun.listen`, or takes the connections of a server of Bun's `node:net`, `node:tls` or `node:http`. */
export function listenTransport(options: ListenOptions, accept: Accept): Promise<Listener> {
  return listening({ listen }, options, accept);
}
