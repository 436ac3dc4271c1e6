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

/** A network in memory. If options ask for TLS, it counts as done: nothing is encrypted, and nothing is checked. */
export interface MemoryNetwork {
  /** Listens; for `serveOn` and `listenStreams`. The network has its own ports; host names are ignored. */
  readonly listen: Listen;
  /** Connects; for `connectOn` and `connectStreamOn`. */
  readonly connectTransport: Connect;
  /**
   * Serves WebSocket connections on the network, as `serve` of a runtime's adapter does.
   *
   * @throws {TransportError} `ADDRESS_IN_USE`
   * @throws {RangeError} An option is out of range.
   */
  serve<Context = unknown, Contexts extends object = RouteContexts>(
    options: ServeOptions,
    handlers: ServerHandlers<Context, Contexts>,
  ): Promise<Server<Context>>;
  /**
   * Opens a connection to a server on the network, as `connect` of a runtime's adapter does.
   *
   * @param url Its port says which server is meant (default: 80 or 443); the request contains the rest.
   * @throws {TransportError} `REFUSED` if no server listens, and the other codes of the adapters' `connect`.
   */
  connect<Context = unknown>(
    url: string | { readonly href: string },
    options?: ClientOptions<Context>,
    handlers?: Handlers<Context>,
  ): Promise<Connection<Context>>;
  /** Both ends of each connection so far, the client's end first. */
  readonly pairs: readonly (readonly [MemoryTransport, MemoryTransport])[];
}

/** Options of a network: the behaviour of its connections. */
export interface MemoryNetworkOptions extends MemoryOptions {
  /** Services that servers and clients take from a runtime, such as `{ engine: zlibEngine() }` for compression. Default: none. */
  readonly host?: RuntimeServices | undefined;
}

/** The first port that is tried for port 0: systems give out the ports from this one on. */
const firstFreePort = 49_152;

/**
 * Makes a network.
 *
 * The seed of the n-th connection is the option `seed` plus n, so that the connections differ.
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
