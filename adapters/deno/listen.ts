/**
 * Listening on Deno.
 *
 * @module
 */

import type {
  AcceptingListener,
  Listener,
  ListenOptions,
  TcpOptions,
} from "../../src/transport.ts";
import { denoServerTls } from "./tls-names.ts";
import { type DenoConn, type DenoHandshake, DenoTransport } from "./transport.ts";
import { type Accept, type CheckedTls, Handshakes, listening, type Place } from "../listening.ts";
import { listenBehindBalancers } from "../proxied-tls.ts";
import { otherRuntimeError } from "../own-runtime.ts";

/** The members of a `Deno.TcpListener`, `Deno.TlsListener` or `Deno.UnixListener` that are used. */
export interface DenoListener {
  /** Where it listens: host and port, or the path of a Unix socket. */
  readonly addr: {
    /** Address; undefined for a Unix socket. */
    readonly hostname?: string;
    /** Port; undefined for a Unix socket. */
    readonly port?: number;
    /** Path of a Unix socket. */
    readonly path?: string | null;
  };
  /** Gives the next connection. */
  accept(): Promise<DenoConn>;
  /** Stops listening; `accept` then rejects. */
  close(): void;
  /** Makes the listener keep the process alive. */
  ref?(): void;
  /** Lets the process end although it listens. */
  unref?(): void;
}

interface DenoNamespace {
  listen(
    options:
      | {
          transport: "tcp";
          port: number;
          hostname: string;
          reusePort: boolean;
          tcpBacklog: number | undefined;
        }
      | { transport: "unix"; path: string },
  ): DenoListener;
  /** Present only with `--unstable-net`, which `reusePort` needs too. */
  listenDatagram?: unknown;
  listenTls(options: {
    port: number;
    hostname: string;
    reusePort: boolean;
    tcpBacklog: number | undefined;
    cert: string;
    key: string;
    [option: string]: unknown;
  }): DenoListener;
}

/** Milliseconds before the next try after accepting has failed, such as for lack of file descriptors. */
const acceptPause = 50;

/** The time limit of handshakes for a `Deno.TlsListener` that the application has made, in milliseconds. */
const defaultHandshakeTimeout = 10_000;

/** Accepts connections until it is closed, even if single connections fail. */
class AcceptLoop implements Listener {
  readonly port: number;
  readonly hostname: string;
  readonly #listener: DenoListener;
  readonly #accept: Accept;
  readonly #tcp: TcpOptions;
  readonly #handshakes: Handshakes;
  readonly #done: Promise<void>;
  #isClosed = false;

  constructor(listener: DenoListener, accept: Accept, tcp: TcpOptions, handshakeTimeout: number) {
    const { port, hostname, path } = listener.addr;
    this.port = port ?? 0;
    this.hostname = hostname ?? path ?? "";
    this.#listener = listener;
    this.#accept = accept;
    this.#tcp = tcp;
    this.#handshakes = new Handshakes(handshakeTimeout);
    this.#done = this.#run();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#handshakes.close();
    try {
      this.#listener.close();
    } catch {
      // The listener is already closed, by an earlier call or by its owner.
    }
    // The file of a Unix socket is removed at the end of the last call of `accept`.
    await this.#done;
  }

  ref(): void {
    this.#listener.ref?.();
  }

  unref(): void {
    this.#listener.unref?.();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const conn = await this.#listener.accept();
        // Not awaited, so that a peer with a slow handshake delays no other peer.
        if (conn.handshake === undefined) this.#accept(new DenoTransport(conn, { tcp: this.#tcp }));
        else void this.#shakeHands(conn, conn.handshake());
      } catch (error) {
        if (this.#isClosed) return;
        const { name } = error as Error;
        // The owner of the listener has closed it.
        if (name === "BadResource") return;
        // A peer that resets before it is accepted costs nothing. After any other error the loop waits, so that it does not spin.
        if (name === "NotConnected") continue;
        await new Promise((resolve) => setTimeout(resolve, acceptPause));
      }
    }
  }

  async #shakeHands(conn: DenoConn, done: Promise<DenoHandshake>): Promise<void> {
    const handshake = this.#handshakes.begin(() => {
      conn.close();
    });
    let info: DenoHandshake;
    try {
      info = await done;
    } catch {
      if (handshake.end()) conn.close();
      return;
    }
    if (handshake.end()) this.#accept(new DenoTransport(conn, { handshake: info }));
  }
}

/** A place that is not a path. */
type Host = Omit<Extract<Place, { hostname: string }>, "path" | "backlog">;

/** Listens with `Deno.listen`, or with `Deno.listenTls` if there are TLS options. */
function listen(
  place: Place,
  tls: CheckedTls | undefined,
  accept: Accept,
  tcp: TcpOptions,
): Listener {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  const { path, backlog: tcpBacklog, ...where } = place;
  const listener =
    path !== undefined
      ? Deno.listen({ transport: "unix", path })
      : tls === undefined
        ? Deno.listen({ transport: "tcp", ...(where as Host), tcpBacklog })
        : Deno.listenTls({ ...tls, ...(where as Host), tcpBacklog });
  return new AcceptLoop(listener, accept, tcp, tls?.handshakeTimeout ?? Infinity);
}

/** Takes the connections of a Deno.Listener. */
function take(listener: AcceptingListener, accept: Accept, tcp: TcpOptions): Listener {
  checkTcp(tcp, listener.constructor.name === "TlsListener");
  return new AcceptLoop(listener as DenoListener, accept, tcp, defaultHandshakeTimeout);
}

/** Refuses options of TLS that Deno would silently ignore. */
function checkTls({ path, tls }: ListenOptions): void {
  if (tls === undefined) return;
  if (path !== undefined) throw new TypeError("Deno has no TLS over Unix sockets");
  if (tls.ca !== undefined || tls.requestCert === true) {
    throw new TypeError("Deno cannot ask a client for a certificate: leave out ca and requestCert");
  }
}

/** Refuses a `backlog` that Deno would silently ignore. */
function checkBacklog({ path, backlog }: ListenOptions): void {
  if (backlog === undefined || path === undefined) return;
  throw new TypeError("Deno has no backlog for a Unix socket: leave it out");
}

/** Refuses options of TCP that Deno's own connections do not have. */
function checkTcp({ noDelay, keepAlive = false }: TcpOptions, isTls: boolean): void {
  const instead = "give a server of node:net or node:tls as listener instead";
  if (isTls && (noDelay === true || keepAlive !== false)) {
    throw new TypeError(`Deno has no noDelay and no keepAlive for a TLS server: ${instead}`);
  }
  if (typeof keepAlive === "number") {
    throw new TypeError(`Deno takes no time for keepAlive: give true, or ${instead}`);
  }
}

/** Refuses `reusePort` without its flag, since Deno would end the process. */
function checkReusePort({ reusePort }: ListenOptions): void {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  if (reusePort !== true || Deno.listenDatagram !== undefined) return;
  throw new TypeError("reusePort on Deno needs the flag --unstable-net");
}

/**
 * Listens with `Deno.listen` or `Deno.listenTls`, or takes the connections of an existing listener or server. It needs
 * `--allow-net`; for a Unix socket `--allow-read` and `--allow-write`.
 */
export async function listenTransport(options: ListenOptions, accept: Accept): Promise<Listener> {
  const error = otherRuntimeError("Deno");
  if (error !== undefined) throw error;
  checkTls(options);
  if (options.port !== undefined) checkTcp(options, options.tls !== undefined);
  checkReusePort(options);
  checkBacklog(options);
  const how = listenBehindBalancers(options, listen);
  return listening({ listen: how, take, tlsTable: denoServerTls }, options, accept);
}
