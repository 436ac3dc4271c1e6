/**
 * Listening on Bun.
 *
 * @module
 */

import type { Listener, ListenOptions, Transport } from "../src/transport.ts";
import { type BunSocket, newBunTransport, socketHandlers } from "./bun-transport.ts";
import { toTransportError } from "./transport-error.ts";

interface BunNamespace {
  listen(options: {
    port: number;
    hostname: string;
    allowHalfOpen: boolean;
    socket: typeof socketHandlers & { open(socket: BunSocket): void };
  }): { readonly port: number; readonly hostname: string; stop(closeConnections?: boolean): void };
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
          accept(newBunTransport(socket));
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
