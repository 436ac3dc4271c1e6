/**
 * Listening on Node.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { createServer, type Socket } from "node:net";
import process from "node:process";
import { createServer as createTlsServer } from "node:tls";
import type { Listener, ListenOptions, TcpOptions } from "../../src/transport.ts";
import { newOwnedServerListener } from "../http-server.ts";
import { type Accept, type CheckedTls, listening, type Place } from "../listening.ts";
import { listenBehindBalancers } from "../proxied-tls.ts";
import { acceptedTransport, adoptContext } from "./accept.ts";
import { nodeServerTls } from "./tls-names.ts";
import { NodeTransport } from "./transport.ts";

/** The longest time of Node's timers, in milliseconds. */
const longestTime = 2 ** 31 - 1;

/** Listens with `net.createServer`, or with `tls.createServer` if there are TLS options. */
function listen(
  { path, port, hostname, reusePort, backlog }: Place,
  tls: CheckedTls | undefined,
  accept: Accept,
  tcp: TcpOptions,
): Promise<Listener> {
  let isClosed = false;
  const inContext = AsyncLocalStorage.snapshot();
  const take = (socket: Socket): void => {
    // A TLS handshake ended after the listener was closed.
    if (isClosed) {
      socket.destroy();
      return;
    }
    // Not earlier: a peer that ends inside its TLS handshake would stay until the time limit.
    socket.allowHalfOpen = true;
    accept(new NodeTransport(socket, tcp));
  };
  const takeTcp = (socket: Socket): void => {
    if (isClosed) socket.destroy();
    else {
      inContext(adoptContext, socket);
      accept(acceptedTransport(socket, tcp));
    }
  };
  const server =
    tls === undefined
      ? createServer({ pauseOnConnect: true, allowHalfOpen: true }, takeTcp)
      : createTlsServer(
          {
            ...tls,
            ca: tls.ca as string[] | undefined,
            handshakeTimeout: Math.min(tls.handshakeTimeout, longestTime),
          },
          take,
        );
  // Node emits the event and leaves the socket open.
  server.on("tlsClientError", (_: Error, socket: Socket) => {
    socket.destroy();
  });
  return new Promise((resolve, reject) => {
    // Later errors have no effect, since the promise is settled: they concern one connection that could not be accepted.
    server.on("error", reject);
    // The port is never undefined: Node would take any free one.
    const where = path === undefined ? { port, host: hostname, reusePort } : { path };
    server.listen({ ...where, backlog }, () => {
      resolve(
        newOwnedServerListener(server, () => {
          isClosed = true;
          // The server's `close` event waits for all connections, but accepting stops at once.
          server.close();
        }),
      );
    });
  });
}

/** Refuses `reusePort` where an older Node would silently ignore it. */
function checkReusePort({ reusePort }: ListenOptions): void {
  const [major, minor] = process.versions.node.split(".").map(Number) as [number, number];
  const hasIt = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12);
  if (reusePort !== true || hasIt) return;
  throw new TypeError(
    `reusePort takes Node 22.12, 23.1 or later, not ${process.version}: share the port by node:cluster instead`,
  );
}

/** Listens with `net.createServer` or `tls.createServer`, or takes the connections of an existing server. */
export async function listenTransport(options: ListenOptions, accept: Accept): Promise<Listener> {
  checkReusePort(options);
  const how = listenBehindBalancers(options, listen);
  return listening({ listen: how, tlsTable: nodeServerTls }, options, accept);
}
