/**
 * What a server may be told, with its defaults.
 *
 * @module
 */

import type { Clock } from "../../clock.ts";
import {
  boolean,
  clock,
  having,
  milliseconds,
  number,
  numbersOf,
  optionsOf,
  type OptionTable,
  text,
} from "../../check-options.ts";
import type { PartialLimits } from "../../endpoint/limits.ts";
import { balancersKind } from "../../handshake/proxy-protocol/balancers.ts";
import { type ProxyHeader, proxyHeadersKind } from "../../handshake/server/forwarded.ts";
import { type OriginPolicy, originsKind } from "../../handshake/server/origin.ts";
import { type TrustedProxies, trustedProxiesKind } from "../../handshake/server/trusted-proxies.ts";
import { defaultHeadLimits, type HeadLimits } from "../../http/parser.ts";
import { listenTable } from "../../io/stream-listener.ts";
import type { StatusCode } from "../../status.ts";
import type { ListenOptions } from "../../transport.ts";
import type { Backplane } from "../backplane/backplane.ts";
import { type CarryingOptions, carryingTable } from "../backplane/status.ts";
import { type Connection, type PublishOptions, publishTable } from "../connection.ts";
import { tokens } from "../handlers.ts";
import { defaultHttpLimits } from "../http/settings.ts";
import { type ConnectionOptions, connectionTable } from "../options.ts";
import { type AddressOptions, addressTable } from "./address-limits.ts";
import { type SlowReceiver, slowReceiversKind } from "./delivery.ts";

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
   * TCP balancers that say whose connection each is by the PROXY protocol, version 1 or 2: `true` for all that connect, or addresses
   * and networks, and "unix" for one that comes by a Unix socket. They must: one that does not is dropped. From others it is no request,
   * and gets 400. With `tls`, in front of which the header comes, it takes a
   * `port`. Not with `server`: TypeError. Default: nobody.
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

/** What the options of a broadcast may be. */
export const broadcastTable: OptionTable<BroadcastOptions> =
  /* @__PURE__ */ ((): OptionTable<BroadcastOptions> => ({
    ...publishTable,
    except: having("a connection", "send"),
  }))();

/** What the options of a shutdown may be. */
export const shutdownTable: OptionTable<ShutdownOptions> = {
  status: number,
  reason: text,
  deadline: milliseconds,
  drain: boolean,
};

/** What the options of a server may be. */
export const serveTable: OptionTable<ServeOptions> =
  /* @__PURE__ */ ((): OptionTable<ServeOptions> => ({
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
    slowReceivers: slowReceiversKind,
    clock,
  }))();

/** Limits of a server beside those of its connections, of heads and of plain requests. */
export interface ServerLimits {
  readonly handshakeTimeout: number;
  readonly maxConnections: number;
}

/** The limits in force where none are given. */
export const defaultServerLimits: ServerLimits = {
  handshakeTimeout: 10_000,
  maxConnections: Infinity,
};
