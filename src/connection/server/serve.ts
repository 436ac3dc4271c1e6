/**
 * A server: a listener, the connections that came from it, and its orderly end.
 *
 * @module
 */

import { noBytes } from "../../bytes.ts";
import {
  checkOptions,
  clock,
  having,
  milliseconds,
  number,
  numbersOf,
  oneOf,
  optionsOf,
  type OptionTable,
} from "../../check-options.ts";
import { type PartialLimits, resolveLimits } from "../../endpoint/limits.ts";
import { Traffic } from "../../endpoint/traffic.ts";
import { ClosedError, LimitError, TimeoutError } from "../../errors.ts";
import { type ProxyHeader, proxyHeadersKind } from "../../handshake/server/forwarded.ts";
import { balancersKind, balancersOf } from "../../handshake/proxy-protocol/balancers.ts";
import { type OriginPolicy, originsKind } from "../../handshake/server/origin.ts";
import { PeerFinder } from "../../handshake/server/peer.ts";
import { type TrustedProxies, trustedProxiesKind } from "../../handshake/server/trusted-proxies.ts";
import { defaultHeadLimits, type HeadLimits } from "../../http/parser.ts";
import { listenTable } from "../../io/stream-listener.ts";
import { type StatusCode, StatusGoingAway } from "../../status.ts";
import type { Listen, Listener, ListenOptions, Transport } from "../../transport.ts";
import { type Clock, Deadlines, systemClock } from "../../clock.ts";
import type { PreparedMessage } from "../../endpoint/prepared.ts";
import type { Backplane } from "../backplane/backplane.ts";
import { BackplaneNode } from "../backplane/node.ts";
import { type BackplaneStatus, type CarryingOptions, carryingTable } from "../backplane/status.ts";
import { type Connection, linkOf, type PublishOptions } from "../connection.ts";
import { prepared } from "../send/prepare.ts";
import type { Binary } from "../data.ts";
import { checkClose } from "../check-close.ts";
import { addTraffic, countersOf, type ServerCounters } from "../counters.ts";
import { type Deferred, isPromise, newDeferred, whenSettled } from "../../deferred.ts";
import { LinkedList } from "../../linked-list.ts";
import {
  type RouteHandlers,
  type ServerHandlers,
  serverHandlerTable,
  tokens,
} from "../handlers.ts";
import { callAtOnce } from "../in-context.ts";
import type { RuntimeServices } from "../runtime-services.ts";
import type { ConnectionLink } from "../connection-link.ts";
import type { Link } from "../link.ts";
import { defaultHttpLimits, resolveHttpSettings } from "../http/settings.ts";
import { ServerHandshake, type ServerHandshakeOwner } from "./server-handshake.ts";
import {
  type ConnectionOptions,
  connectionTable,
  type LinkSettings,
  defaultFlowLimits,
} from "../options.ts";
import { UnhandledErrorReporter } from "../unhandled-errors.ts";
import { addressBookOf } from "./address-book.ts";
import { type AddressOptions, addressTable } from "./address-limits.ts";
import { RouteSettings } from "./route-settings.ts";
import { Routes } from "./routes.ts";
import { type Published, Topics } from "./topics.ts";
import {
  checkPolicy,
  deliver,
  type Delivery,
  type DeliverySettings,
  type SlowReceiver,
} from "./delivery.ts";

/** Options of a server. For the numbers beside `port`, 0 or Infinity means no limit. */
export interface ServeOptions
  extends ListenOptions, ConnectionOptions, AddressOptions, PartialLimits<HeadLimits> {
  /** As the option of a route: `RouteOptions`. For routes that have none of their own, too. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /** Connections that may be open or opening; those beyond are refused with 503. Default: no limit. */
  readonly maxConnections?: number | undefined;
  /** Milliseconds from accepting a connection to its handshake's end; then 408. Default: 10 000. */
  readonly handshakeTimeout?: number | undefined;
  /**
   * Whose pages may connect; others get 403: a list of origins and patterns, a function, "same" or "any". Default: "cookies", those
   * of the server's own host where a request carries cookies, an Authorization header or a client certificate, all otherwise.
   */
  readonly origins?: OriginPolicy | undefined;
  /**
   * Proxies in front of the server that are believed about their clients: so many hops, addresses and networks, or a function.
   * What they say is `request.peer` and `ws.peer`; what is malformed gets 400. Default: nobody is believed.
   */
  readonly trustProxy?: TrustedProxies | undefined;
  /**
   * Headers that trusted proxies tell of their clients by. A proxy passes on what it does not write, as a client has sent it: so
   * name those that it writes. Where `Forwarded` and `X-Forwarded-*` are both there, and differ, the answer is 400. Default: all
   * of them.
   */
  readonly proxyHeaders?: readonly ProxyHeader[] | undefined;
  /**
   * TCP balancers that say whose connection each is by the PROXY protocol, version 1 or 2: `true` for whoever connects, or addresses
   * and networks, and "unix" for whoever comes by a Unix socket. They must: who does not is dropped. From others it is no request,
   * and gets 400. Not with `server`, nor with `tls`, since the header comes in front of the TLS: TypeError. Default: nobody.
   */
  readonly proxyProtocol?: boolean | readonly string[] | undefined;
  /** What carries publications to other servers, of this process or elsewhere. Default: they stay on this one. */
  readonly backplane?: Backplane | undefined;
  /** How publications wait for the backplane. */
  readonly carrying?: CarryingOptions | undefined;
  /** Topics that one connection may subscribe to. Default: 1 024. */
  readonly maxTopics?: number | undefined;
  /** What becomes of receivers that do not keep up with what is sent to many. Default: "buffer". */
  readonly slowReceivers?: SlowReceiver | undefined;
  /** Bytes that the body of a plain request may have; beyond, 413. Default: 1 MiB. */
  readonly maxBodySize?: number | undefined;
  /** Plain requests that one connection may make, one after the other; 1 is one, and no keep-alive. Default: 1 000. */
  readonly maxRequests?: number | undefined;
  /** Milliseconds that a connection may idle between two plain requests; then it is ended. Default: 5 000. */
  readonly keepAliveTimeout?: number | undefined;
  /** Where time comes from. Default: the runtime. */
  readonly clock?: Clock | undefined;
}

/** How a message is broadcast. */
export interface BroadcastOptions extends PublishOptions {
  /** A connection that does not get it. */
  readonly except?: Connection | undefined;
}

/** How a server is shut down. */
export interface ShutdownOptions {
  /** Status code that all connections are closed with. Default: 1001, going away. */
  readonly status?: StatusCode;
  /** At most 123 bytes of UTF-8. Default: none. */
  readonly reason?: string;
  /** Milliseconds for all of it; what is left then is dropped. Default: the option `closeTimeout`. */
  readonly deadline?: number;
  /**
   * Whether a connection whose handlers are at work on what has come gets half of that time to be done with it, and to send its
   * answers, before it is closed; nothing more is read from it meanwhile. `open` is not waited for. 10 seconds, where the
   * deadline is Infinity. Default: true.
   */
  readonly drain?: boolean;
}

/** What a shutdown came to. */
export interface ShutdownResult {
  /** Connections whose closing handshake was done. */
  readonly closed: number;
  /** Connections that were dropped. */
  readonly dropped: number;
}

const serveTable: OptionTable<ServeOptions> = /* @__PURE__ */ ((): OptionTable<ServeOptions> => ({
  ...listenTable,
  ...connectionTable,
  ...addressTable,
  ...numbersOf(defaultHeadLimits),
  protocols: tokens,
  maxConnections: number,
  handshakeTimeout: milliseconds,
  origins: originsKind,
  trustProxy: trustedProxiesKind,
  proxyHeaders: proxyHeadersKind,
  proxyProtocol: balancersKind,
  backplane: having("a Backplane", "join"),
  carrying: optionsOf(carryingTable),
  maxTopics: number,
  ...numbersOf(defaultHttpLimits),
  keepAliveTimeout: milliseconds,
  slowReceivers: oneOf("buffer", "drop", "close"),
  clock,
}))();

const defaultServerLimits = {
  handshakeTimeout: 10_000,
  maxConnections: Infinity,
  maxTopics: 1024,
};

/**
 * Serves WebSocket connections from a listener. Adapters wrap it as their own `serve`.
 *
 * @param host What the runtime has beside its sockets.
 * @throws {TypeError} An option or a handler is not known, or of a wrong type; compression is wanted, and there is no engine.
 * @throws {TransportError} `ADDRESS_IN_USE`, `ACCESS_DENIED`, `TLS_FAILED`, `FAILED`
 * @throws {RangeError} An option is out of its range.
 */
export async function serveOn<Context = unknown>(
  listen: Listen,
  options: ServeOptions,
  handlers: ServerHandlers<Context>,
  host?: RuntimeServices,
): Promise<Server<Context>> {
  const server = new Server<Context>(options, handlers, host);
  await server.listen(listen, options);
  return server;
}

/** A running server. */
export class Server<Context = unknown> {
  readonly #owner: ServerHandshakeOwner<Context>;
  readonly #deadlines: Deadlines;
  readonly #settings: LinkSettings;
  readonly #maxConnections: number;
  readonly #delivery: DeliverySettings;
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
  #shutdown: Promise<ShutdownResult> | undefined;
  #isShuttingDown = false;
  /** Whether the process lives on for it. */
  #holds = true;
  #allEnded: Deferred<void> | undefined;
  /** Connections that are over, and whose handlers are not. */
  #unfinished = 0;
  #allFinished: Deferred<void> | undefined;

  /** For the library: servers come from `serve`. */
  constructor(
    options: ServeOptions,
    handlers: ServerHandlers<Context>,
    host: RuntimeServices = {},
  ) {
    checkOptions(options, serveTable, { elsewhere: serverHandlerTable });
    checkOptions(handlers, serverHandlerTable, { what: "handler", elsewhere: serveTable });
    const { handshakeTimeout, maxConnections, maxTopics } = resolveLimits<
      typeof defaultServerLimits
    >(options, defaultServerLimits);
    this.#deadlines = new Deadlines(options.clock ?? systemClock);
    this.#maxConnections = maxConnections;
    const routeSettings = this.#resolveRoutes(options, handlers, host);
    this.#settings = routeSettings.get(handlers)!.link;
    const { slowReceivers = "buffer", backplane, carrying = {} } = options;
    checkPolicy("slowReceivers", slowReceivers);
    this.#delivery = { slow: slowReceivers };
    this.#unhandled = new UnhandledErrorReporter(options.unhandledErrors, "server");
    this.#node = backplane && this.#newNode(carrying, handlers, host);
    this.#topics = new Topics<ConnectionLink>({ maxTopics, ...this.#delivery }, this.#node);
    const inContext = host.bindContext?.() ?? callAtOnce;
    this.#owner = {
      handlers,
      routes: handlers.routes && new Routes<RouteHandlers<Context>>(handlers.routes),
      origins: options.origins ?? "cookies",
      isBalancer: balancersOf(options),
      addresses: addressBookOf(options, this.#deadlines),
      peers: options.trustProxy === undefined ? undefined : new PeerFinder(options),
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
      handshakeBegan: (opening) => this.#handshakes.add(opening),
      handshakeEnded: (opening) => {
        this.#handshakes.delete(opening);
        if (opening.isExcess) this.#excess--;
        this.#checkAllEnded();
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
    if (backplane !== undefined) this.#node?.join(backplane);
  }

  /** Joins the backplane, and starts to listen. For the library. */
  async listen(listen: Listen, options: ListenOptions): Promise<void> {
    await this.#node?.joined();
    try {
      this.#listener = await listen(options, (transport, bytes) => this.accept(transport, bytes));
    } catch (error) {
      await this.#node?.leave(this.#settings.closeTimeout).catch(() => {});
      throw error;
    }
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
  broadcast(
    data: string | Binary | PreparedMessage,
    { except, slow }: BroadcastOptions = {},
  ): Delivery {
    return deliver<ConnectionLink>(this.#links, prepared(data), this.#delivery, {
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
    if (this.#isShuttingDown || isFlood) opening.drop();
    else if (bytes.length > 0) opening.onData(bytes);
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
   */
  shutdown(options: ShutdownOptions = {}): Promise<ShutdownResult> {
    const { closeTimeout } = this.#settings;
    const {
      status = StatusGoingAway,
      reason = "",
      deadline = closeTimeout,
      drain = true,
    } = options;
    checkClose(status, reason, deadline);
    if (this.#shutdown === undefined) {
      // There before anybody is told of the end, and may ask for it again.
      const { promise, resolve, reject } = newDeferred<ShutdownResult>();
      this.#shutdown = promise;
      this.#runShutdown(status, reason, deadline, drain).then(resolve, reject);
    }
    return this.#shutdown;
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

  #newNode(
    carrying: CarryingOptions,
    handlers: ServerHandlers<Context>,
    { observer }: RuntimeServices,
  ): BackplaneNode {
    return new BackplaneNode(carrying, {
      deadlines: this.#deadlines,
      receive: (topic, message) => void this.#topics.deliver(topic, message, {}),
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

  async #runShutdown(
    status: StatusCode,
    reason: string,
    deadline: number,
    drain: boolean,
  ): Promise<ShutdownResult> {
    this.#isShuttingDown = true;
    const began = this.#deadlines.now();
    const listenerClosed = this.#listener?.close();
    // Awaited at the end; until then nobody would have heard of it.
    listenerClosed?.catch(() => {});
    const links = [...this.#links];
    const end = new ClosedError({ status, reason, clean: false, initiator: "local" });
    for (const opening of [...this.#handshakes]) opening.shut(end);
    const isLate = newDeferred<void>();
    const late = this.#deadlines.after(deadline, () => {
      const timeout = new TimeoutError("SHUTDOWN_TIMEOUT", deadline);
      for (const link of [...this.#links]) link.terminate(timeout);
      for (const opening of [...this.#handshakes]) opening.giveUp(timeout);
      isLate.resolve();
    });
    const half = newDeferred<void>();
    const forHandlers = deadline === Infinity ? defaultFlowLimits.closeTimeout : deadline / 2;
    const halfTime = this.#deadlines.after(forHandlers, half.resolve);
    const closures = links.map(async (link) => {
      if (drain && link.dispatcher.isHandling) {
        link.shut();
        await Promise.race([link.handlers, half.promise]);
      }
      return link.connection.close(status, reason);
    });

    this.#allEnded = newDeferred<void>();
    this.#checkAllEnded();
    await this.#allEnded.promise;
    halfTime.cancel();
    // Where a connection has ended by itself, nobody has to be waited for to close it.
    half.resolve();
    if (this.#unfinished > 0) {
      this.#allFinished = newDeferred<void>();
      // Handlers that are never done are not waited for for ever, though the deadline may be.
      const enough = this.#deadlines.after(forHandlers, isLate.resolve);
      await Promise.race([this.#allFinished.promise, isLate.promise]);
      enough.cancel();
    }
    late.cancel();
    this.#owner.addresses?.close();
    const total = deadline === Infinity ? defaultFlowLimits.closeTimeout : deadline;
    const rest = Math.max(0, began + total - this.#deadlines.now());
    for (const left of await Promise.allSettled([this.#node?.leave(rest), listenerClosed])) {
      if (left.status === "rejected") throw left.reason;
    }
    const clean = (await Promise.all(closures)).filter((closure) => closure.clean).length;
    return { closed: clean, dropped: links.length - clean };
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
    this.#awaitHandlers(link);
    this.#checkAllEnded();
  }

  /** Counts a connection that is over until its handlers are done. It is not kept for it: they may never be. */
  #awaitHandlers(link: Link): void {
    const { handlers } = link;
    if (handlers === undefined) return;
    this.#unfinished++;
    void handlers.then(() => {
      if (--this.#unfinished === 0) this.#allFinished?.resolve();
    });
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

  #checkAllEnded(): void {
    if (this.#links.size === 0 && this.#handshakes.size === 0) this.#allEnded?.resolve();
  }

  /** Adds what a connection that is over has counted. */
  #addToTotals({ endpoint, outbox }: Link): void {
    addTraffic(this.#received, endpoint.received);
    addTraffic(this.#sent, endpoint.sent);
    this.#dropped += outbox.dropped;
  }
}
