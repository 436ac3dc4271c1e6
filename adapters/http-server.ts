/**
 * Servers of `node:http`, `node:https`, `node:net` and `node:tls` that are there already: on Node, and on Deno and Bun,
 * which have those modules too.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { type ParsedRequest, writeRequest } from "../src/handshake/server/http-upgrader.ts";
import type { EventServer, Listener, TcpOptions, Transport } from "../src/transport.ts";
import { type ForeignSocket, socketTransport } from "./node/socket.ts";

/** Gives the listener of a server that is not the application's own, or is closed with its listener. */
export function newOwnedServerListener(server: EventServer, stop: () => void): Listener {
  return Object.defineProperties(newServerListener(server, stop), {
    ref: { value: () => server.ref?.() },
    unref: { value: () => server.unref?.() },
  });
}

/** Gives the listener of a server that may begin or cease to listen at any time. */
export function newServerListener(server: EventServer, stop: () => void): Listener {
  let last = { port: 0, hostname: "" };
  const place = (): typeof last => {
    const address = server.address() as { port: number; address: string } | string | null;
    if (typeof address === "string") last = { port: 0, hostname: address };
    else if (address !== null) last = { port: address.port, hostname: address.address };
    return last;
  };
  place();
  return {
    get port() {
      return place().port;
    },
    get hostname() {
      return place().hostname;
    },
    close: async () => {
      stop();
    },
  };
}

/** Takes the requests for an upgrade of an HTTP server, which goes on with all others. */
export function takeUpgrades(
  server: EventServer,
  accept: (transport: Transport, bytes: Uint8Array) => void,
  tcp?: TcpOptions,
): Listener {
  const inContext = AsyncLocalStorage.snapshot();
  const onUpgrade = (request: ParsedRequest, socket: ForeignSocket, head: Uint8Array): void => {
    const transport = inContext(socketTransport, socket, tcp);
    inContext(accept, transport, writeRequest(request, head));
  };
  server.on("upgrade", onUpgrade);
  return newServerListener(server, () => {
    server.off("upgrade", onUpgrade);
  });
}

/** Takes the connections of a TCP or TLS server. */
export function takeConnections(
  server: EventServer,
  accept: (transport: Transport) => void,
  tcp?: TcpOptions,
): Listener {
  const inContext = AsyncLocalStorage.snapshot();
  // A TLS server tells a connection twice: with `connection`, before its handshake, and when that is done.
  const event = "setSecureContext" in server ? "secureConnection" : "connection";
  const onConnection = (socket: ForeignSocket): void => {
    const transport = inContext(socketTransport, socket, tcp);
    inContext(accept, transport);
  };
  server.on(event, onConnection);
  return newOwnedServerListener(server, () => {
    server.off(event, onConnection);
    server.close();
  });
}
