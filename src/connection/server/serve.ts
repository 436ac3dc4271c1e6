/**
 * A server: its listener, its connections, and its shutdown.
 *
 * @module
 */

import { noBytes } from "../../bytes.ts";
import { checkOptions } from "../../check-options.ts";
import { resolveLimits } from "../../endpoint/limits.ts";
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
import { Backlog } from "../send/backlog.ts";
import { prepared } from "../send/prepare.ts";
import type { Binary } from "../data.ts";
import { callSafely } from "../call-safely.ts";
import { checkClose } from "../check-close.ts";
import type { ServerCounters } from "../counters.ts";
import { settled } from "../../deferred.ts";
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
import { type RouteSettings, settingsOfRoutes } from "./route-settings.ts";
import { Routes } from "./routes.ts";
import { Shutdown } from "./shutdown.ts";
import { type Published, Topics } from "./topics.ts";
import { Totals } from "./totals.ts";
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
 * @param host Functions of the runtime, apart from its sockets.
 * @throws {TypeError} An option or a handler is unknown, or of a wrong type; the options ask for compression, and there is no
 * engine.
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
 * Makes a server that begins to listen: like {@link serveOn}, but without a promise. Adapters wrap it as their own
 * `createServer`.
 *
 * @param host Functions of the runtime, apart from its sockets.
 * @returns The server. Its promise `listening` resolves when it listens, and rejects if it cannot listen.
 * @throws {TypeError} An option or a handler is unknown, or of a wrong type; the options ask for compression, and there is no
 * engine.
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
  readonly #totals = new Totals();
  // Number of handshakes that exist only to be refused.
  #excess = 0;
  #listener: Listener | undefined;
  #listening: Promise<void> = settled;
  readonly #shutdown: Shutdown;
  /** Whether the server keeps the process alive. */
  #holds = true;

  /** For framewire itself: applications get servers from `serve`. */
  constructor(
    options: ServeOptions,
    handlers: ServerHandlers<Context>,
    host: RuntimeServices = {},
  ) {
    checkOptions(options, serveTable, { elsewhere: serverHandlerTable, example });
    checkOptions(handlers, serverHandlerTable, { what: "handler", elsewhere: serveTable, example });
    const limits = resolveLimits<ServerLimits>(options, defaultServerLimits);
    this.#deadlines = new Deadlines(options.clock ?? systemClock);
    this.#maxConnections = limits.maxConnections;
    const parts = { host, deadlines: this.#deadlines };
    const routeSettings = settingsOfRoutes(parts, options, handlers);
    this.#settings = routeSettings.get(handlers)!.link;
    const { backplane, carrying = {} } = options;
    this.#unhandled = new UnhandledErrorReporter(options.unhandledErrors, "server");
    this.#node = backplane && this.#newNode(carrying, handlers, host);
    this.#topics = new Topics<ConnectionLink>(this.#node);
    this.#owner = this.#newOwner(options, handlers, host, routeSettings, limits);
    this.#shutdown = new Shutdown({
      links: this.#links,
      handshakes: this.#handshakes,
      deadlines: this.#deadlines,
      // A listener that does not exist yet is closed as soon as it exists. If listening fails, `listening` reports it.
      closeListener: () => this.#listener?.close() ?? this.#listening.catch(() => {}),
      forgetAddresses: () => this.#owner.addresses?.close(),
      leaveBackplane: (milliseconds) => this.#node?.leave(milliseconds),
    });
    if (backplane !== undefined) this.#node?.join(backplane);
  }

  /** Joins the backplane and starts to listen. {@link listening} reports the result. For framewire itself. */
  listen(listen: Listen, options: ListenOptions): void {
    this.#listening = this.#listen(listen, options);
  }

  /**
   * Resolves when the server listens; resolves at once if the server has no listener. Rejects with the error of `serve` if the
   * server cannot listen. A rejection that you do not await is reported as unhandled.
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
    // Applies calls of `unref` and `shutdown` that came before the listener existed.
    if (!this.#holds) this.#listener.unref?.();
    if (this.#shutdown.hasBegun) await this.#listener.close();
  }

  /** Port on which the server listens, also if port 0 was asked for; 0 without a listener. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** Address on which the server listens; empty without a listener. */
  get hostname(): string {
    return this.#listener?.hostname ?? "";
  }

  /** The state of the backplane, as this server sees it; undefined without a backplane. */
  get backplane(): BackplaneStatus | undefined {
    return this.#node;
  }

  /** The open connections. */
  get connections(): Connection<Context>[] {
    return Array.from(this.#links, (link) => link.connection);
  }

  /** What all connections have sent and received until now. */
  get counters(): ServerCounters {
    return this.#totals.countersOf(this.#links, this.#handshakes.size);
  }

  /**
   * Sends a message to all open connections.
   *
   * @param data As for `Connection.send`. It is encoded once, and compressed once for all connections with the same compression.
   * @returns How many connections got the message, and what happened to slow ones.
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
   * Sends a message to all subscribers of a topic, on this server and on the other servers of its backplane. This server's
   * subscribers have got it when the call returns, even if the backplane fails. If the topic has a history, they get it later, in
   * the order of the history.
   *
   * @param data As for {@link broadcast}.
   * @returns What happened to the message on this server, and the promise `carried` for the other servers.
   * @throws {TypeError} The topic is not a string of 1 to 1024 UTF-16 units.
   */
  publish(
    topic: string,
    data: string | Binary | PreparedMessage,
    options: PublishOptions = {},
  ): Published {
    checkOptions(options, publishTable);
    return this.#topics.publish(topic, prepared(data), options);
  }

  /** Number of a topic's subscribers on this server. */
  subscribersOf(topic: string): number {
    return this.#topics.countOf(topic);
  }

  /**
   * Accepts a connection that did not come from the server's own listener.
   *
   * @param bytes Bytes that were already read from it, such as a request that an HTTP server has parsed. The server owns them.
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
    // Handshakes that exist only to be refused must not become many either.
    const isFlood = all > 2 * this.#maxConnections || opening.isFlood;
    if (this.#shutdown.hasBegun || isFlood) opening.drop();
    else if (bytes.length > 0) opening.onData(bytes);
  }

  /**
   * Stops accepting connections, and keeps those that exist, including handshakes. This is the first step of a restart in which
   * other processes listen on the same port. A second call has no effect.
   *
   * @returns Resolves when the listener accepts no more connections. Rejects as `listening` does.
   */
  async stopListening(): Promise<void> {
    await this.#listening;
    await this.#listener?.close();
  }

  /**
   * Shuts the server down: stops accepting, lets handlers finish, closes every connection, waits for them and their `close`
   * handlers, then drops the rest. Last it leaves the backplane, within the deadline, whether or not the broker answers. A second
   * call joins the first.
   *
   * @returns How many connections were closed and how many dropped. If the listener or the backplane fails, it rejects with that
   * error after all connections have ended. A rejection that you do not await is not reported as unhandled.
   * @throws {RangeError} The status may not be sent; the reason is too long; the deadline is NaN or below 0. Then the server goes
   * on.
   * @throws {TypeError} An option is unknown, or of a wrong type. Then the server goes on.
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

  /** The server and its connections keep the process alive, as at the start. */
  ref(): void {
    this.#hold(true);
  }

  /**
   * The process may end although the server listens and has connections, now or later. An HTTP server in the option `server`
   * keeps the process alive itself: call its own `unref()`.
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

  /** Shuts the server down, for `await using server = ...`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /** Makes the object through which handshakes get settings and report events. */
  #newOwner(
    options: ServeOptions,
    handlers: ServerHandlers<Context>,
    host: RuntimeServices,
    routeSettings: ReadonlyMap<RouteHandlers<Context>, RouteSettings>,
    { handshakeTimeout, maxTotalBufferedAmount }: ServerLimits,
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
      backlog:
        maxTotalBufferedAmount === Infinity
          ? undefined
          : new Backlog(maxTotalBufferedAmount, () => this.#links),
      settingsOf: (own) => routeSettings.get(own)!,
      headLimits: resolveLimits<HeadLimits>(options, defaultHeadLimits),
      handshakeTimeout,
      http: resolveHttpSettings(options, this.#settings.times),
      application: handlers.fetch && fetchAnswerer(handlers.fetch, host),
      handshakeBegan: (opening) => this.#handshakes.add(opening),
      handshakeEnded: (opening) => {
        this.#handshakes.delete(opening);
        if (opening.isExcess) this.#excess--;
        this.#shutdown.onEnded();
      },
      handshakeRefused: (error, remoteAddress, peer) => {
        this.#totals.refused++;
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
        this.#totals.opened++;
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

  #onEnded(link: Link): void {
    this.#links.delete(link as Link<Context>);
    this.#topics.leave(link);
    this.#totals.add(link);
    this.#shutdown.awaitHandlers(link);
    this.#shutdown.onEnded();
  }

  /** Calls a handler that only observes, and reports the error that it throws. */
  #tell(name: "refused" | "backplane", handler: () => unknown, remoteAddress?: string): void {
    callSafely(handler, (reason) => {
      this.#unhandled.report(reason, name, { remoteAddress });
    });
  }
}

/** Gives the finder of clients behind proxies; undefined if no proxy is trusted. */
function peersOf({ trustProxy, proxyHeaders }: ServeOptions): PeerFinder | undefined {
  return trustProxy === undefined ? undefined : new PeerFinder({ trustProxy, proxyHeaders });
}
