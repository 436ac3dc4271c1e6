/**
 * A server: a listener, the connections that came from it, and its orderly end.
 *
 * @module
 */

import { noBytes } from "../../bytes.ts";
import { checkOptions } from "../../check-options.ts";
import { resolveLimits } from "../../endpoint/limits.ts";
import { Traffic } from "../../endpoint/traffic.ts";
import { LimitError } from "../../errors.ts";
import { balancersOf } from "../../handshake/proxy-protocol/balancers.ts";
import { PeerFinder } from "../../handshake/server/peer.ts";
import { defaultHeadLimits, type HeadLimits } from "../../http/parser.ts";
import { StatusGoingAway } from "../../status.ts";
import type { Listen, Listener, ListenOptions, Transport } from "../../transport.ts";
import { Deadlines, systemClock } from "../../clock.ts";
import type { PreparedMessage } from "../../endpoint/prepared.ts";
import { BackplaneNode } from "../backplane/node.ts";
import type { BackplaneStatus, CarryingOptions } from "../backplane/status.ts";
import { type Connection, linkOf, type PublishOptions, publishTable } from "../connection.ts";
import { prepared } from "../send/prepare.ts";
import type { Binary } from "../data.ts";
import { checkClose } from "../check-close.ts";
import { addTraffic, countersOf, type ServerCounters } from "../counters.ts";
import { isPromise, settled, whenSettled } from "../../deferred.ts";
import { LinkedList } from "../../linked-list.ts";
import {
  type RouteContexts,
  type RouteHandlers,
  type ServerHandlers,
  serverHandlerTable,
} from "../handlers.ts";
import { callAtOnce } from "../in-context.ts";
import type { RuntimeServices } from "../runtime-services.ts";
import type { ConnectionLink } from "../connection-link.ts";
import type { Link } from "../link.ts";
import { fetchAnswerer } from "../http/fetch.ts";
import { resolveHttpSettings } from "../http/settings.ts";
import { ServerHandshake, type ServerHandshakeOwner } from "./server-handshake.ts";
import type { LinkSettings } from "../options.ts";
import { UnhandledErrorReporter } from "../unhandled-errors.ts";
import { addressBookOf } from "./address-book.ts";
import { RouteSettings } from "./route-settings.ts";
import { Routes } from "./routes.ts";
import { Shutdown } from "./shutdown.ts";
import { type Published, Topics } from "./topics.ts";
import { deliver, type Delivery } from "./delivery.ts";
import {
  type BroadcastOptions,
  broadcastTable,
  defaultServerLimits,
  type ServerLimits,
  type ServeOptions,
  serveTable,
  type ShutdownOptions,
  type ShutdownResult,
  shutdownTable,
} from "./serve-options.ts";

export type {
  BroadcastOptions,
  ServeOptions,
  ShutdownOptions,
  ShutdownResult,
} from "./serve-options.ts";

/**
 * Serves WebSocket connections from a listener. Adapters wrap it as their own `serve`.
 *
 * @param host What the runtime has beside its sockets.
 * @throws {TypeError} An option or a handler is not known, or of a wrong type; compression is wanted, and there is no engine.
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `TLS_FAILED`, `FAILED`
 * @throws {RangeError} An option is out of its range.
 */
export async function serveOn<Context = unknown, Contexts extends object = RouteContexts>(
  listen: Listen,
  options: ServeOptions,
  handlers: ServerHandlers<Context, Contexts>,
  host?: RuntimeServices,
): Promise<Server<Context>> {
  const server = createServerOn(listen, options, handlers, host);
  await server.listening;
  return server;
}

/**
 * Makes a server at once, which begins to listen: as {@link serveOn} does, without a promise for it. Adapters wrap it as their own
 * `createServer`.
 *
 * @param host What the runtime has beside its sockets.
 * @returns The server. `listening` tells when it listens, and rejects where it cannot.
 * @throws {TypeError} An option or a handler is not known, or of a wrong type; compression is wanted, and there is no engine.
 * @throws {RangeError} An option is out of its range.
 */
export function createServerOn<Context = unknown, Contexts extends object = RouteContexts>(
  listen: Listen,
  options: ServeOptions,
  handlers: ServerHandlers<Context, Contexts>,
  host?: RuntimeServices,
): Server<Context> {
  const server = new Server<Context>(options, handlers as ServerHandlers<Context>, host);
  server.listen(listen, options);
  return server;
}

const example = "serve({ port: 8080 }, { message: (ws, data) => ws.send(data) })";

/** A running server. */
export class Server<Context = unknown> {
  readonly #owner: ServerHandshakeOwner<Context>;
  readonly #deadlines: Deadlines;
  readonly #settings: LinkSettings;
  readonly #maxConnections: number;
  readonly #topics: Topics<ConnectionLink>;
  readonly #node: BackplaneNode | undefined;
  readonly #unhandled: UnhandledErrorReporter;
  readonly #handshakes = new LinkedList<ServerHandshake<Context>>();
  readonly #links = new LinkedList<Link<Context>>();
  // Of all connections that are over.
  readonly #received = new Traffic();
  readonly #sent = new Traffic();
  #dropped = 0;
  // Openings that are only there to be refused.
  #excess = 0;
  #opened = 0;
  #refused = 0;
  #listener: Listener | undefined;
  #listening: Promise<void> = settled;
  readonly #shutdown: Shutdown;
  /** Whether the process lives on for it. */
  #holds = true;

  /** For the library: servers come from `serve`. */
  constructor(
    options: ServeOptions,
    handlers: ServerHandlers<Context>,
    host: RuntimeServices = {},
  ) {
    checkOptions(options, serveTable, { elsewhere: serverHandlerTable, example });
    checkOptions(handlers, serverHandlerTable, { what: "handler", elsewhere: serveTable, example });
    const { handshakeTimeout, maxConnections } = resolveLimits<ServerLimits>(
      options,
      defaultServerLimits,
    );
    this.#deadlines = new Deadlines(options.clock ?? systemClock);
    this.#maxConnections = maxConnections;
    const routeSettings = this.#resolveRoutes(options, handlers, host);
    this.#settings = routeSettings.get(handlers)!.link;
    const { backplane, carrying = {} } = options;
    this.#unhandled = new UnhandledErrorReporter(options.unhandledErrors, "server");
    this.#node = backplane && this.#newNode(carrying, handlers, host);
    this.#topics = new Topics<ConnectionLink>(this.#node);
    this.#owner = this.#newOwner(options, handlers, host, routeSettings, handshakeTimeout);
    this.#shutdown = new Shutdown({
      links: this.#links,
      handshakes: this.#handshakes,
      deadlines: this.#deadlines,
      // One that is not there yet is closed as soon as it is; where it comes to nothing, `listening` tells.
      closeListener: () => this.#listener?.close() ?? this.#listening.catch(() => {}),
      forgetAddresses: () => this.#owner.addresses?.close(),
      leaveBackplane: (milliseconds) => this.#node?.leave(milliseconds),
    });
    if (backplane !== undefined) this.#node?.join(backplane);
  }

  /** Joins the backplane, and starts to listen; {@link listening} tells what comes of it. For the library. */
  listen(listen: Listen, options: ListenOptions): void {
    this.#listening = this.#listen(listen, options);
  }

  /**
   * Resolves when the server listens, at once where it has no listener. Rejects where it cannot, with what `serve` rejects with; where
   * nobody awaits that, the runtime reports it as unhandled.
   */
  get listening(): Promise<void> {
    return this.#listening;
  }

  async #listen(listen: Listen, options: ListenOptions): Promise<void> {
    await this.#node?.joined();
    try {
      this.#listener = await listen(options, (transport, bytes) => this.accept(transport, bytes));
    } catch (error) {
      await this.#node?.leave(this.#settings.closeTimeout).catch(() => {});
      throw error;
    }
    // What was wanted of it before it was there.
    if (!this.#holds) this.#listener.unref?.();
    if (this.#shutdown.hasBegun) await this.#listener.close();
  }

  /** Port that the server listens on, also where 0 was asked for; 0 where it has no listener. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** Address that the server listens on; empty where it has no listener. */
  get hostname(): string {
    return this.#listener?.hostname ?? "";
  }

  /** Its part of the backplane; undefined without one. */
  get backplane(): BackplaneStatus | undefined {
    return this.#node;
  }

  /** The open connections. */
  get connections(): Connection<Context>[] {
    return Array.from(this.#links, (link) => link.connection);
  }

  /** What has gone over all connections until now. */
  get counters(): ServerCounters {
    const received = new Traffic();
    const sent = new Traffic();
    addTraffic(received, this.#received);
    addTraffic(sent, this.#sent);
    let queued = 0;
    let dropped = this.#dropped;
    for (const { endpoint, outbox } of this.#links) {
      addTraffic(received, endpoint.received);
      addTraffic(sent, endpoint.sent);
      queued += outbox.unsent;
      dropped += outbox.dropped;
    }
    return {
      open: this.#links.size,
      opening: this.#handshakes.size,
      opened: this.#opened,
      refused: this.#refused,
      received: countersOf(received),
      sent: countersOf(sent),
      queued,
      dropped,
    };
  }

  /**
   * Sends a message to all open connections.
   *
   * @param data As for `Connection.send`; it is encoded once, and compressed once for all that compress alike.
   * @returns How many it was sent to, and what became of those that do not keep up.
   */
  broadcast(data: string | Binary | PreparedMessage, options: BroadcastOptions = {}): Delivery {
    checkOptions(options, broadcastTable);
    const { except, slow } = options;
    return deliver<ConnectionLink>([...this.#links], prepared(data), {
      except: except && linkOf(except),
      slow,
    });
  }

  /**
   * Sends a message to all subscribers of a topic, on this server and on those that its backplane joins it with. The subscribers
   * here have it when this returns, whatever becomes of the backplane.
   *
   * @param data As for {@link broadcast}.
   * @returns What became of it here, and the promise `carried` for the other servers.
   * @throws {TypeError} The topic is no string of 1 to 1024 UTF-16 units.
   */
  publish(
    topic: string,
    data: string | Binary | PreparedMessage,
    options: PublishOptions = {},
  ): Published {
    checkOptions(options, publishTable);
    return this.#topics.publish(topic, prepared(data), options);
  }

  /** Subscribers of a topic on this server. */
  subscribersOf(topic: string): number {
    return this.#topics.countOf(topic);
  }

  /**
   * Takes in a connection that came from elsewhere than the server's own listener.
   *
   * @param bytes What has been read from it already, such as the request that an HTTP server has parsed; the server's to
   * keep.
   */
  accept(transport: Transport, bytes: Uint8Array = noBytes): void {
    const all = this.#links.size + this.#handshakes.size + 1;
    const count = all - this.#excess;
    let excess: LimitError | undefined;
    if (count > this.#maxConnections) {
      excess = new LimitError("TOO_MANY_CONNECTIONS", this.#maxConnections, count);
    }
    if (!this.#holds) transport.unref?.();
    const opening = new ServerHandshake(transport, this.#owner, excess);
    if (opening.isExcess) this.#excess++;
    // Those that are only there to be told so must not become many themselves.
    const isFlood = all > 2 * this.#maxConnections || opening.isFlood;
    if (this.#shutdown.hasBegun || isFlood) opening.drop();
    else if (bytes.length > 0) opening.onData(bytes);
  }

  /**
   * Stops accepting, and goes on with those that have come, handshakes under way among them: the first step of a restart, in which
   * other processes listen on the same port. A second call is harmless.
   *
   * @returns Resolves when nobody can come by the listener any more. It rejects as `listening` does.
   */
  async stopListening(): Promise<void> {
    await this.#listening;
    await this.#listener?.close();
  }

  /**
   * Ends the server: stops accepting, lets handlers answer what has come, closes every connection, waits, `close` handlers
   * included, then drops what is left. The backplane is left last: within the deadline, whether its broker answers or not. A second
   * call joins the first.
   *
   * @returns How many connections ended which way. Where the listener or the backplane cannot be left in order, it rejects
   * with what that failed with, after all connections have ended; a rejection that nobody awaits is not reported as
   * unhandled.
   * @throws {RangeError} A status that may not be sent, a reason that is too long, a deadline that is NaN or below 0; then
   * nothing has happened.
   * @throws {TypeError} An option is not known, or of a wrong type; likewise.
   */
  shutdown(options: ShutdownOptions = {}): Promise<ShutdownResult> {
    checkOptions(options, shutdownTable);
    const { closeTimeout } = this.#settings;
    const {
      status = StatusGoingAway,
      reason = "",
      deadline = closeTimeout,
      drain = true,
    } = options;
    checkClose(status, reason, deadline);
    return this.#shutdown.run({ status, reason, deadline, drain });
  }

  /** The process lives on for the server and its connections, as at the beginning. */
  ref(): void {
    this.#hold(true);
  }

  /**
   * The process may end although the server listens and has connections, those that come later included. An HTTP server that it was
   * given holds the process by itself: `server.unref()` of that one.
   */
  unref(): void {
    this.#hold(false);
  }

  #hold(holds: boolean): void {
    this.#holds = holds;
    this.#deadlines.hold(holds);
    if (holds) this.#listener?.ref?.();
    else this.#listener?.unref?.();
    for (const opening of this.#handshakes) opening.hold(holds);
    for (const link of this.#links) link.hold(holds);
  }

  /** Shuts the server down: `await using server = ...`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /** Makes what handshakes are told, and tell. */
  #newOwner(
    options: ServeOptions,
    handlers: ServerHandlers<Context>,
    host: RuntimeServices,
    routeSettings: ReadonlyMap<RouteHandlers<Context>, RouteSettings>,
    handshakeTimeout: number,
  ): ServerHandshakeOwner<Context> {
    const inContext = host.bindContext?.() ?? callAtOnce;
    return {
      handlers,
      routes: handlers.routes && new Routes<RouteHandlers<Context>>(handlers.routes),
      isBalancer: balancersOf(options),
      addresses: addressBookOf(options, this.#deadlines),
      peers: peersOf(options),
      settings: this.#settings,
      deadlines: this.#deadlines,
      observer: host.observer,
      unhandled: this.#unhandled,
      inContext,
      topics: this.#topics,
      settingsOf: (own) => routeSettings.get(own)!,
      headLimits: resolveLimits<HeadLimits>(options, defaultHeadLimits),
      handshakeTimeout,
      http: resolveHttpSettings(options, this.#settings.times),
      application: handlers.fetch && fetchAnswerer(handlers.fetch, host.bodyOf, host.typeOf),
      handshakeBegan: (opening) => this.#handshakes.add(opening),
      handshakeEnded: (opening) => {
        this.#handshakes.delete(opening);
        if (opening.isExcess) this.#excess--;
        this.#shutdown.onEnded();
      },
      handshakeRefused: (error, remoteAddress, peer) => {
        this.#refused++;
        host.observer?.refused(error, remoteAddress);
        inContext(() => {
          this.#tell(
            "refused",
            () => handlers.refused?.(error, remoteAddress, peer),
            remoteAddress,
          );
        });
      },
      hookFailed: (error, hook, place) => {
        if (handlers.refused === undefined) this.#unhandled.report(error, hook, place);
      },
      opened: (link) => {
        this.#opened++;
        this.#links.add(link as Link<Context>);
        if (!this.#holds) link.hold(false);
      },
      ended: (link) => {
        this.#onEnded(link);
      },
    };
  }

  #newNode(
    carrying: CarryingOptions,
    handlers: ServerHandlers<Context>,
    { observer }: RuntimeServices,
  ): BackplaneNode {
    return new BackplaneNode(carrying, {
      deadlines: this.#deadlines,
      receive: (topic, message) => void this.#topics.deliver(topic, message, {}),
      receivers: (topic) => this.#topics.receivers(topic),
      isSubscribed: (receiver, topic) => this.#topics.has(receiver, topic),
      stampFailed: (error) => {
        this.#unhandled.report(error, "stamp");
      },
      tell: (event) => {
        observer?.backplane?.(event);
        if (handlers.backplane !== undefined) {
          this.#tell("backplane", () => handlers.backplane!(event));
        } else if ("error" in event) {
          this.#unhandled.report(event.error, "backplane");
        }
      },
    });
  }

  /** Resolves the options of the server and of its routes. */
  #resolveRoutes(
    options: ServeOptions,
    handlers: ServerHandlers<Context>,
    host: RuntimeServices,
  ): ReadonlyMap<RouteHandlers<Context>, RouteSettings> {
    const base = new RouteSettings({ host, deadlines: this.#deadlines }, options);
    const settings = new Map<RouteHandlers<Context>, RouteSettings>([[handlers, base]]);
    for (const [pattern, route] of Object.entries(handlers.routes ?? {})) {
      const path = `routes[${JSON.stringify(pattern)}].options.`;
      settings.set(route, route.options === undefined ? base : base.with(route.options, path));
    }
    return settings;
  }

  #onEnded(link: Link): void {
    this.#links.delete(link as Link<Context>);
    this.#topics.leave(link);
    this.#addToTotals(link);
    this.#shutdown.awaitHandlers(link);
    this.#shutdown.onEnded();
  }

  /** Calls a handler for logs. */
  #tell(name: "refused" | "backplane", handler: () => unknown, remoteAddress?: string): void {
    const fail = (reason: unknown): void => {
      this.#unhandled.report(reason, name, { remoteAddress });
    };
    try {
      const result = handler();
      if (isPromise(result)) whenSettled(result, undefined, fail);
    } catch (reason) {
      fail(reason);
    }
  }

  /** Adds what a connection that is over has counted. */
  #addToTotals({ endpoint, outbox }: Link): void {
    addTraffic(this.#received, endpoint.received);
    addTraffic(this.#sent, endpoint.sent);
    this.#dropped += outbox.dropped;
  }
}

/** Gives what finds clients behind proxies; undefined where none is trusted. */
function peersOf({ trustProxy, proxyHeaders }: ServeOptions): PeerFinder | undefined {
  return trustProxy === undefined ? undefined : new PeerFinder({ trustProxy, proxyHeaders });
}
