/**
 * Listening on Node.
 *
 * @module
 */

import { createServer } from "node:net";
import type { Listener, ListenOptions, Transport } from "../src/transport.ts";
import { NodeTransport } from "./node-transport.ts";
import { toTransportError } from "./transport-error.ts";

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
