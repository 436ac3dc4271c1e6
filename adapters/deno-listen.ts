/**
 * Listening on Deno.
 *
 * @module
 */

import type { Listener, ListenOptions, Transport } from "../src/transport.ts";
import { type DenoConn, DenoTransport } from "./deno-transport.ts";
import { toTransportError } from "./transport-error.ts";

/** What is used of a `Deno.TcpListener`. */
export interface DenoListener {
  readonly addr: { readonly hostname: string; readonly port: number };
  accept(): Promise<DenoConn>;
  close(): void;
}

interface DenoNamespace {
  listen(options: { port: number; hostname: string }): DenoListener;
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
