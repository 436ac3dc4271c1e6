/**
 * Listening on Deno.
 *
 * @module
 */

import type { Listener, ListenOptions } from "../src/transport.ts";
import { type DenoConn, DenoTransport } from "./deno-transport.ts";
import { type Accept, type CheckedTls, Handshakes, listening, type Place } from "./listening.ts";

/** What is used of a `Deno.TcpListener`, `Deno.TlsListener` or `Deno.UnixListener`. */
export interface DenoListener {
  readonly addr: {
    readonly hostname?: string;
    readonly port?: number;
    readonly path?: string | null;
  };
  accept(): Promise<DenoConn>;
  close(): void;
}

interface DenoNamespace {
  listen(
    options:
      { transport: "tcp"; port: number; hostname: string } | { transport: "unix"; path: string },
  ): DenoListener;
  listenTls(options: {
    port: number;
    hostname: string;
    cert: string;
    key: string;
    [option: string]: unknown;
  }): DenoListener;
}

/** Milliseconds before another try where accepting fails, such as for want of file descriptors. */
const acceptPause = 50;

/** What a `Deno.TlsListener` gets where somebody else has made it. */
const defaultHandshakeTimeout = 10_000;

/** Accepts until it is closed, whatever single connections do. */
class AcceptLoop implements Listener {
  readonly port: number;
  readonly hostname: string;
  readonly #listener: DenoListener;
  readonly #accept: Accept;
  readonly #handshakes: Handshakes;
  readonly #done: Promise<void>;
  #isClosed = false;

  constructor(listener: DenoListener, accept: Accept, handshakeTimeout: number) {
    const { port, hostname, path } = listener.addr;
    this.port = port ?? 0;
    this.hostname = hostname ?? path ?? "";
    this.#listener = listener;
    this.#accept = accept;
    this.#handshakes = new Handshakes(handshakeTimeout);
    this.#done = this.#run();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#handshakes.close();
    try {
      this.#listener.close();
    } catch {
      // It is closed: by an earlier call, or by whoever made it.
    }
    // The file of a Unix socket goes with the last call of `accept`.
    await this.#done;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const conn = await this.#listener.accept();
        // Not awaited: a peer that is slow with its handshake holds up nobody.
        if (conn.handshake === undefined) this.#accept(new DenoTransport(conn));
        else void this.#shakeHands(conn, conn.handshake());
      } catch (error) {
        if (this.#isClosed) return;
        const { name } = error as Error;
        // Whoever made the listener has closed it.
        if (name === "BadResource") return;
        // A peer that resets before it is accepted costs nothing; anything else is no reason to turn in circles.
        if (name === "NotConnected") continue;
        await new Promise((resolve) => setTimeout(resolve, acceptPause));
      }
    }
  }

  async #shakeHands(conn: DenoConn, done: Promise<unknown>): Promise<void> {
    const handshake = this.#handshakes.begin(() => {
      conn.close();
    });
    try {
      await done;
    } catch {
      if (handshake.end()) conn.close();
      return;
    }
    if (handshake.end()) this.#accept(new DenoTransport(conn));
  }
}

/** Listens with `Deno.listen`, and with `Deno.listenTls` where there are TLS options. */
function listen(place: Place, tls: CheckedTls | undefined, accept: Accept): Listener {
  const { Deno } = globalThis as unknown as { Deno: DenoNamespace };
  const { port, hostname, path } = place;
  if (path !== undefined)
    return new AcceptLoop(Deno.listen({ transport: "unix", path }), accept, Infinity);
  if (tls === undefined) {
    return new AcceptLoop(Deno.listen({ transport: "tcp", port, hostname }), accept, Infinity);
  }
  return new AcceptLoop(Deno.listenTls({ ...tls, port, hostname }), accept, tls.handshakeTimeout);
}

/** Refuses what Deno would leave out in silence. */
function checkTls({ path, tls }: ListenOptions): void {
  if (tls === undefined) return;
  if (path !== undefined) throw new TypeError("Deno has no TLS over Unix sockets");
  if (tls.ca !== undefined || tls.requestCert === true) {
    throw new TypeError("Deno cannot ask a client for a certificate: leave out ca and requestCert");
  }
}

/**
 * Listens with `Deno.listen` or `Deno.listenTls`, or takes the connections of a listener or server that is there
 * already. It needs `--allow-net`, or for a Unix socket `--allow-read` and `--allow-write`.
 */
export async function listenTransport(options: ListenOptions, accept: Accept): Promise<Listener> {
  checkTls(options);
  return listening(
    {
      listen,
      take: (listener) => new AcceptLoop(listener as DenoListener, accept, defaultHandshakeTimeout),
    },
    options,
    accept,
  );
}
