/**
 * A server: a listener, the connections that came from it, and its orderly end.
 *
 * @module
 */

import { type PartialLimits, resolveLimits } from "../endpoint/limits.ts";
import { TimeoutError } from "../errors.ts";
import type { Engine } from "../flate/engine.ts";
import { defaultHeadLimits, type HeadLimits } from "../http/parser.ts";
import { type StatusCode, StatusGoingAway } from "../status.ts";
import type { Listen, Listener, ListenOptions, Transport } from "../transport.ts";
import { type Clock, Deadlines, systemClock } from "../clock.ts";
import type { Connection } from "./connection.ts";
import { type Deferred, newDeferred } from "../deferred.ts";
import type { ServerHandlers } from "./handlers.ts";
import type { Link } from "./link.ts";
import { Opening, type OpeningOwner } from "./opening.ts";
import {
  type ConnectionOptions,
  type ConnectionSettings,
  resolveConnectionOptions,
  resolveExtensions,
} from "./options.ts";

/** Options of a server. For the numbers beside `port`, 0 or Infinity means no limit. */
export interface ServeOptions extends ListenOptions, ConnectionOptions, PartialLimits<HeadLimits> {
  /** Milliseconds from accepting a connection to its handshake's end; then 408. Default: 10 000. */
  readonly handshakeTimeout?: number | undefined;
  /** Where time comes from. Default: the runtime. */
  readonly clock?: Clock | undefined;
}

/** How a server is shut down. */
export interface ShutdownOptions {
  /** Status code that all connections are closed with. Default: 1001, going away. */
  readonly status?: StatusCode;
  /** At most 123 bytes of UTF-8. Default: none. */
  readonly reason?: string;
  /** Milliseconds for all closing handshakes; what is left then is dropped. Default: the option `closeTimeout`. */
  readonly deadline?: number;
}

/** What a shutdown came to. */
export interface ShutdownResult {
  /** Connections whose closing handshake was done. */
  readonly closed: number;
  /** Connections that were dropped. */
  readonly dropped: number;
}

const defaultHandshakeTimeout = { handshakeTimeout: 10_000 };

/**
 * Serves WebSocket connections from a listener. Adapters wrap it as their own `serve`.
 *
 * @param engine What compresses where `compression` is set and names nothing else.
 * @throws {TypeError} Compression is wanted, and there is no engine.
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `FAILED`
 * @throws {RangeError} An option is out of its range.
 */
export async function serveOn<Context = unknown>(
  listen: Listen,
  options: ServeOptions,
  handlers: ServerHandlers<Context>,
  engine?: Engine,
): Promise<Server<Context>> {
  const server = new Server<Context>(options, handlers, engine);
  await server.listen(listen, options);
  return server;
}

/** A running server. */
export class Server<Context = unknown> {
  readonly #owner: OpeningOwner<Context>;
  readonly #deadlines: Deadlines;
  readonly #settings: ConnectionSettings;
  readonly #openings = new Set<Opening<Context>>();
  readonly #links = new Set<Link<Context>>();
  #listener: Listener | undefined;
  #shutdown: Promise<ShutdownResult> | undefined;
  #isShuttingDown = false;
  #allEnded: Deferred<void> | undefined;

  /** For the library: servers come from `serve`. */
  constructor(options: ServeOptions, handlers: ServerHandlers<Context>, engine?: Engine) {
    this.#deadlines = new Deadlines(options.clock ?? systemClock);
    this.#settings = resolveConnectionOptions(options);
    this.#owner = {
      handlers,
      settings: this.#settings,
      deadlines: this.#deadlines,
      extensions: resolveExtensions(options, engine, this.#deadlines),
      headLimits: resolveLimits<HeadLimits>(options, defaultHeadLimits),
      ...resolveLimits<typeof defaultHandshakeTimeout>(options, defaultHandshakeTimeout),
      openingBegan: (opening) => this.#openings.add(opening),
      openingEnded: (opening) => {
        this.#openings.delete(opening);
        this.#checkAllEnded();
      },
      opened: (link) => {
        this.#links.add(link);
      },
      ended: (link) => {
        this.#links.delete(link);
        this.#checkAllEnded();
      },
    };
  }

  /** Starts to listen. For the library. */
  async listen(listen: Listen, options: ListenOptions): Promise<void> {
    this.#listener = await listen(options, (transport) => this.accept(transport));
  }

  /** Port that the server listens on, also where 0 was asked for. */
  get port(): number {
    return this.#listener!.port;
  }

  /** Address that the server listens on. */
  get hostname(): string {
    return this.#listener!.hostname;
  }

  /** The open connections. */
  get connections(): Connection<Context>[] {
    return Array.from(this.#links, (link) => link.connection);
  }

  /** Takes in a connection that came from elsewhere than the server's own listener. */
  accept(transport: Transport): void {
    const opening = new Opening(transport, this.#owner);
    if (this.#isShuttingDown) opening.drop();
  }

  /**
   * Ends the server: stops accepting, closes every connection, waits, then drops what is left. A second call joins the
   * first.
   *
   * @returns How many connections ended which way.
   */
  shutdown(options: ShutdownOptions = {}): Promise<ShutdownResult> {
    return (this.#shutdown ??= this.#runShutdown(options));
  }

  /** Shuts the server down: `await using server = ...`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  async #runShutdown({
    status = StatusGoingAway,
    reason = "",
    deadline = this.#settings.closeTimeout,
  }: ShutdownOptions): Promise<ShutdownResult> {
    this.#isShuttingDown = true;
    const listenerClosed = this.#listener?.close();
    const links = [...this.#links];
    const closures = links.map((link) => link.connection.close(status, reason));
    for (const opening of this.#openings) opening.drop();
    const late = this.#deadlines.after(deadline, () => {
      for (const link of this.#links)
        link.terminate(new TimeoutError("SHUTDOWN_TIMEOUT", deadline));
    });

    this.#allEnded = newDeferred<void>();
    this.#checkAllEnded();
    await this.#allEnded.promise;
    late.cancel();
    await listenerClosed;
    const clean = (await Promise.all(closures)).filter((closure) => closure.clean).length;
    return { closed: clean, dropped: links.length - clean };
  }

  #checkAllEnded(): void {
    if (this.#links.size === 0 && this.#openings.size === 0) this.#allEnded?.resolve();
  }
}
