/**
 * Listening on Node.
 *
 * @module
 */

import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Listener, ListenOptions } from "../src/transport.ts";
import { newServerListener } from "./http-server.ts";
import { type Accept, type CheckedTls, listening, type Place } from "./listening.ts";
import { NodeTransport } from "./node-transport.ts";

/** The longest time that a timer of Node's takes, in milliseconds. */
const longestTime = 2 ** 31 - 1;

/** Listens with `net.createServer`, and with `tls.createServer` where there are TLS options. */
function listen(
  { path, port, hostname }: Place,
  tls: CheckedTls | undefined,
  accept: Accept,
): Promise<Listener> {
  let isClosed = false;
  const take = (socket: Socket): void => {
    // The end of a TLS handshake that was under way when the listener was closed.
    if (isClosed) {
      socket.destroy();
      return;
    }
    // Not before: a peer that ends within its TLS handshake would stay until the time for that is up.
    socket.allowHalfOpen = true;
    accept(new NodeTransport(socket));
  };
  const server =
    tls === undefined
      ? createServer(take)
      : createTlsServer(
          {
            ...tls,
            ca: tls.ca as string[] | undefined,
            handshakeTimeout: Math.min(tls.handshakeTimeout, longestTime),
          },
          take,
        );
  // Node says so and leaves the socket open.
  server.on("tlsClientError", (_: Error, socket: Socket) => {
    socket.destroy();
  });
  return new Promise((resolve, reject) => {
    // Behind the first outcome: one connection that could not be accepted.
    server.on("error", reject);
    // Never an undefined port: Node takes that for any free one.
    server.listen(path === undefined ? { port, host: hostname } : { path }, () => {
      resolve(
        newServerListener(server, () => {
          isClosed = true;
          // The server's own `close` event waits for every connection; accepting ends at once.
          server.close();
        }),
      );
    });
  });
}

/** Listens with `net.createServer` or `tls.createServer`, or takes the connections of a server that is there already. */
export function listenTransport(options: ListenOptions, accept: Accept): Promise<Listener> {
  return listening({ listen }, options, accept);
}
