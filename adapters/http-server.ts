/**
 * Uses existing servers of `node:http`, `node:https`, `node:net` and `node:tls`: on Node, and on Deno and Bun, which have those
 * modules too.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { type ParsedRequest, writeRequest } from "../src/handshake/server/http-upgrader.ts";
import type { EventServer, Listener, TcpOptions, Transport } from "../src/transport.ts";
import { type ForeignSocket, socketTransport } from "./node/socket.ts";

/** Gives the listener of a server that the library made, or that is closed with its listener. */
export function newOwnedServerListener(server: EventServer, stop: () => void): Listener {
  return Object.defineProperties(newServerListener(server, stop), {
    ref: { value: () => server.ref?.() },
    unref: { value: () => server.unref?.() },
  });
}

/** Gives the listener of a server that may begin or stop listening at any time. */
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

/** Takes an HTTP server's requests for an upgrade; the server handles all other requests. */
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
  // A TLS server emits two events for a connection: `connection` before its handshake, and another one after it.
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
