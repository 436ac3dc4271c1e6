/**
 * Listening, as far as it is the same on all runtimes: the checks of options, and the time-outs of TLS handshakes.
 *
 * @module
 */

import process from "node:process";
import { checkBetween } from "../src/arguments.ts";
import { type Deadlines, deadlinesOn } from "../src/clock.ts";
import type { TransportError } from "../src/errors.ts";
import type {
  AcceptingListener,
  EventServer,
  Listener,
  ListenOptions,
  ServerTlsOptions,
  TcpOptions,
  Transport,
} from "../src/transport.ts";
import { takeConnections, takeUpgrades } from "./http-server.ts";
import { isHttp2Server, takeStreams } from "./http2/server.ts";
import { checkRuntime } from "./runtime-version.ts";
import { checkTcp } from "./tcp-options.ts";
import { checkedTls, type TlsTable } from "./tls-options.ts";
import { toTransportError } from "./transport-error.ts";
import { checkUnixPath } from "./unix-path.ts";

/** Takes a connection, with the bytes that have already been read from it. */
export type Accept = (transport: Transport, bytes?: Uint8Array) => void;

/** Where to listen: on a path, or on a port and a host. */
export type Place =
  | {
      readonly path: string;
      readonly port?: undefined;
      readonly hostname?: undefined;
      readonly reusePort?: undefined;
      readonly backlog?: number | undefined;
    }
  | {
      readonly path?: undefined;
      readonly port: number;
      readonly hostname: string;
      readonly reusePort: boolean;
      readonly backlog?: number | undefined;
    };

/** The options of TLS as an adapter gets them: `handshakeTimeout` is set, and is Infinity for none. */
export type CheckedTls = ServerTlsOptions & { readonly handshakeTimeout: number };

/** The functions of a runtime. An error that one throws is wrapped in a `TransportError`. */
export interface ListeningRuntime {
  listen(
    place: Place,
    tls: CheckedTls | undefined,
    accept: Accept,
    tcp: TcpOptions,
  ): Listener | Promise<Listener>;
  /** Options of TLS that the runtime knows. Default: they are checked elsewhere. */
  readonly tlsTable?: TlsTable | undefined;
  /** Takes the connections of a listener that gives them when asked. */
  take?(listener: AcceptingListener, accept: Accept, tcp: TcpOptions): Listener;
}

/** All addresses of both families: on all three runtimes such a socket accepts IPv4 too. */
const everyAddress = "::";

/** All addresses of IPv4, for machines without IPv6. */
const everyIpv4Address = "0.0.0.0";

/** The longest queue that a system can be asked for. */
const longestBacklog = 2 ** 31 - 1;

const places = ["port", "path", "server", "listener"] as const;
const defaultHandshakeTimeout = 10_000;

/** Listens as the options say. */
export async function listening(
  runtime: ListeningRuntime,
  options: ListenOptions,
  accept: Accept,
): Promise<Listener> {
  const { port, path, hostname, reusePort = false, backlog, server, listener } = options;
  checkRuntime();
  checkPlace(options);
  checkTcp(options);
  if (server !== undefined) {
    if (typeof server.on !== "function") {
      throw new TypeError(
        "server must be a server of node:http, node:https or node:http2; " +
          "a server of Deno.serve or Bun.serve has WebSockets of its own and gives no sockets away",
      );
    }
    return isHttp2Server(server)
      ? takeStreams(server, accept, options)
      : takeUpgrades(server, accept, options);
  }
  if (listener !== undefined) return takeListener(runtime, listener, accept, options);
  const tls = checkTls(options.tls, runtime.tlsTable);
  const listenAt = async (place: Place): Promise<Listener> => {
    try {
      return await runtime.listen(place, tls, accept, options);
    } catch (error) {
      // An error of the system has a code. An error of Deno's TLS about a certificate does not always have one.
      const isTls = tls !== undefined && (error as { code?: unknown }).code === undefined;
      throw toTransportError(error, isTls ? "TLS_FAILED" : "FAILED", place);
    }
  };
  if (path !== undefined) return listenAt({ path, backlog });
  const listenOn = (host: string): Promise<Listener> =>
    listenAt({ port: port!, hostname: host, reusePort, backlog });
  if (hostname !== undefined) return listenOn(hostname);
  try {
    return await listenOn(everyAddress);
  } catch (error) {
    if ((error as TransportError).code === "ADDRESS_IN_USE") throw error;
    // The kernel may have no IPv6. If something else is wrong, listening on IPv4 fails too.
    return listenOn(everyIpv4Address);
  }
}

function checkPlace(options: ListenOptions): void {
  const given = places.filter((name) => options[name] !== undefined);
  if (given.length !== 1) {
    const found = given.length === 0 ? "none" : given.join(" and ");
    throw new TypeError(`Give one of ${places.join(", ")} to listen on, not ${found}`);
  }
  const { port, path, tls, reusePort = false, backlog } = options;
  checkReusePort(reusePort, given[0]!);
  if (backlog !== undefined) {
    if (port === undefined && path === undefined) {
      throw new TypeError(
        `backlog needs port or path: the ${given[0]} that was given has a backlog already`,
      );
    }
    checkBetween("backlog", backlog, 1, longestBacklog);
  }
  if (tls !== undefined && port === undefined && path === undefined) {
    throw new TypeError(`tls goes with port or path: what is given as ${given[0]} does its own`);
  }
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    throw new RangeError(`port must be a whole number from 0 to 65535: ${port}`);
  }
  // Runtimes give the empty path another meaning.
  if (path === "") throw new TypeError("path is empty: it must name the socket's file");
  checkUnixPath(path);
}

/** Refuses `reusePort` where some runtimes would silently ignore it. */
function checkReusePort(reusePort: boolean, place: string): void {
  if (!reusePort) return;
  if (place !== "port") {
    throw new TypeError(`reusePort goes with port: what is given as ${place} has its own way`);
  }
  if (process.platform !== "linux") {
    throw new TypeError(
      `reusePort needs Linux, where the kernel shares connections out, not ${process.platform}`,
    );
  }
}

/** Refuses values that a runtime would take for "no TLS": a program that asks for TLS must not get a server without it. */
function checkTls(
  given: ServerTlsOptions | undefined,
  table: TlsTable | undefined,
): CheckedTls | undefined {
  if (given === undefined) return undefined;
  const tls = table === undefined ? given : checkedTls(given, table);
  for (const name of ["cert", "key"]) {
    if (typeof tls[name] !== "string" || tls[name] === "") {
      throw new TypeError(`tls.${name} must be text in PEM; TLS needs cert and key`);
    }
  }
  const timeout = tls.handshakeTimeout ?? defaultHandshakeTimeout;
  if (!(timeout >= 0)) {
    throw new RangeError(`tls.handshakeTimeout must be a number from 0 on: ${timeout}`);
  }
  return { ...tls, handshakeTimeout: timeout === 0 ? Infinity : timeout };
}

function takeListener(
  runtime: ListeningRuntime,
  listener: EventServer | AcceptingListener,
  accept: Accept,
  tcp: TcpOptions,
): Listener {
  if ("on" in listener) return takeConnections(listener, accept, tcp);
  if (runtime.take !== undefined && "accept" in listener) {
    return runtime.take(listener, accept, tcp);
  }
  throw new TypeError(
    "listener must be a server of node:net or node:tls, or on Deno a Deno.Listener; " +
      "a listener of Bun.listen cannot be used, since its older sockets would get the new handlers, too",
  );
}

/** A connection whose TLS handshake is under way. */
export interface Handshake {
  /** Ends the wait. Gives false if the wait was over: the connection is then dropped. */
  end(): boolean;
}

/** The TLS handshakes of one listener: each has a time limit, and all end with the listener. */
export class Handshakes {
  readonly #timeout: number;
  readonly #deadlines: Deadlines;
  readonly #drops = new Set<() => void>();

  /** @param timeout In milliseconds; Infinity for none. */
  constructor(timeout: number, deadlines: Deadlines = deadlinesOn()) {
    this.#timeout = timeout;
    this.#deadlines = deadlines;
  }

  /** Begins to wait for a handshake. */
  begin(drop: () => void): Handshake {
    const end = (): boolean => {
      deadline.cancel();
      return this.#drops.delete(dropIt);
    };
    const dropIt = (): void => {
      end();
      drop();
    };
    const deadline = this.#deadlines.after(this.#timeout, dropIt);
    this.#drops.add(dropIt);
    return { end };
  }

  /** Drops the connections whose handshakes are under way. */
  close(): void {
    for (const drop of this.#drops) drop();
  }
}
