/**
 * A network in memory: servers listen on it and clients connect to them, without a socket.
 *
 * @module
 */

import { type ClientOptions, connectOn } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers, RouteContexts, ServerHandlers } from "../../src/connection/handlers.ts";
import type { RuntimeServices } from "../../src/connection/runtime-services.ts";
import { type ServeOptions, type Server, serveOn } from "../../src/connection/server/serve.ts";
import { TransportError } from "../../src/errors.ts";
import type { Connect, Listen, Transport } from "../../src/transport.ts";
import { connecting } from "../connecting.ts";
import type { MemoryOptions } from "./schedule.ts";
import { memoryPair, type MemoryTransport } from "./transport.ts";

/** A network in memory. Where options ask for TLS, it is taken as done: nothing is encrypted, nothing checked. */
export interface MemoryNetwork {
  /** Starts to listen; what `serveOn` and `listenStreams` take. Ports are the network's own; names are not looked at. */
  readonly listen: Listen;
  /** Connects; what `connectOn` and `connectStreamOn` take. */
  readonly connectTransport: Connect;
  /**
   * Serves WebSocket connections on the network, as `serve` of a runtime's adapter does.
   *
   * @throws {TransportError} `ADDRESS_IN_USE`
   * @throws {RangeError} An option is out of its range.
   */
  serve<Context = unknown, Contexts extends object = RouteContexts>(
    options: ServeOptions,
    handlers: ServerHandlers<Context, Contexts>,
  ): Promise<Server<Context>>;
  /**
   * Opens a connection to a server on the network, as `connect` of a runtime's adapter does.
   *
   * @param url Of which the port counts (80 and 443 where there is none) and what the request has of it.
   * @throws {TransportError} `REFUSED` where nobody listens, and as the adapters' own.
   */
  connect<Context = unknown>(
    url: string | { readonly href: string },
    options?: ClientOptions<Context>,
    handlers?: Handlers<Context>,
  ): Promise<Connection<Context>>;
  /** Both ends of each connection until now, the client's first: to be counted, cut off, looked at. */
  readonly pairs: readonly (readonly [MemoryTransport, MemoryTransport])[];
}

/** Options of a network: how its connections behave. */
export interface MemoryNetworkOptions extends MemoryOptions {
  /** What servers and clients take from a runtime, such as `{ engine: zlibEngine() }` for compression. Default: nothing. */
  readonly host?: RuntimeServices | undefined;
}

/** Where a port that was asked for as 0 is looked for from: those that the systems hand out themselves. */
const firstFreePort = 49_152;

/**
 * Makes a network.
 *
 * The n-th connection's seed is the option's plus n, so that not all are cut alike.
 *
 * @example
 * const network = memoryNetwork();
 * await using server = await network.serve({ port: 80 }, { message: (ws, data) => ws.send(data) });
 * await using ws = await network.connect("ws://test/");
 */
export function memoryNetwork({ host, ...options }: MemoryNetworkOptions = {}): MemoryNetwork {
  const listeners = new Map<number, (transport: Transport) => void>();
  const pairs: [MemoryTransport, MemoryTransport][] = [];

  const listen: Listen = ({ port = 0, hostname = "memory" }, accept) => {
    let own = port;
    if (own === 0) for (own = firstFreePort; listeners.has(own);) own++;
    if (listeners.has(own)) return Promise.reject(new TransportError("ADDRESS_IN_USE"));
    listeners.set(own, accept);
    return Promise.resolve({
      port: own,
      hostname,
      close() {
        if (listeners.get(own) === accept) listeners.delete(own);
        return Promise.resolve();
      },
    });
  };

  const connectTransport: Connect = (to, attach) =>
    connecting(to, attach, (attempt) => {
      const accept = listeners.get(to.port);
      if (accept === undefined) throw new TransportError("REFUSED");
      const pair = memoryPair({ ...options, seed: (options.seed ?? 1) + pairs.length });
      pairs.push(pair);
      accept(pair[1]);
      attempt.succeed(pair[0]);
      return () => {};
    });

  return {
    listen,
    connectTransport,
    serve: (serveOptions, handlers) => serveOn(listen, serveOptions, handlers, host),
    connect: (url, clientOptions, handlers) =>
      connectOn(connectTransport, url, clientOptions, handlers, host),
    pairs,
  };
}
