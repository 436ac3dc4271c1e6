/**
 * The options of a server, and their defaults.
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

/** Options of a server. For all numbers except `port`, 0 or Infinity means no limit. */
export interface ServeOptions
  extends ListenOptions, ConnectionOptions, AddressOptions, PartialLimits<HeadLimits> {
  /** As `protocols` in `RouteOptions`; also for routes without an option of their own. Default: none. */
  readonly protocols?: readonly string[] | undefined;
  /** Most connections, open or in their handshake. Further ones are refused with 503. Default: no limit. */
  readonly maxConnections?: number | undefined;
  /**
   * Unsent bytes of all connections together. Beyond it the connections with the most unsent bytes are dropped, with
   * `TOO_MUCH_BUFFERED`, until an eighth of it is free. The bytes of one turn may exceed it. A message for many connections counts
   * for each of them. Default: no limit, other than `maxBufferedAmount` for each connection.
   */
  readonly maxTotalBufferedAmount?: number | undefined;
  /** Milliseconds from the accepted connection to the end of its handshake. Then the answer is 408. Default: 10 000. */
  readonly handshakeTimeout?: number | undefined;
  /**
   * The origins whose pages may connect: a list of origins and patterns, a function, "same" or "any". Other pages get 403.
   * Default: "cookies": if the request has cookies, an Authorization header or a client certificate, only pages of the server's
   * own host may connect; otherwise all pages.
   */
  readonly origins?: OriginPolicy | undefined;
  /**
   * The proxies in front of the server that may say who the client is: a number of hops, addresses and networks, or a function.
   * `request.peer` and `ws.peer` have the result. A malformed header gets 400. Default: no proxy is trusted.
   */
  readonly trustProxy?: TrustedProxies | undefined;
  /**
   * The headers by which trusted proxies name their clients. A proxy passes on other headers as the client has sent them, so name
   * only those that your proxy writes. If `Forwarded` and `X-Forwarded-*` are both present and differ, the answer is 400.
   * Default: all of them.
   */
  readonly proxyHeaders?: readonly ProxyHeader[] | undefined;
  /**
   * The TCP balancers that send the PROXY protocol, version 1 or 2: `true` for all connections, or a list of addresses, networks
   * and "unix" (a Unix socket). A connection from a balancer is dropped if the header is missing. From others the header is a
   * malformed request: 400. With `tls`, which starts after the header, it needs `port`. TypeError with `server`. Default: none.
   */
  readonly proxyProtocol?: boolean | readonly string[] | undefined;
  /** Sends publications to other servers, in this process or elsewhere. Default: publications stay on this server. */
  readonly backplane?: Backplane | undefined;
  /** How publications wait for the backplane. */
  readonly carrying?: CarryingOptions | undefined;
  /** Most topics to which one connection may subscribe. Default: 1 024. */
  readonly maxTopics?: number | undefined;
  /** What happens to receivers that are too slow for messages that go to many. Default: "buffer". */
  readonly slowReceivers?: SlowReceiver | undefined;
  /** Most bytes of a plain request's body; a longer one gets 413. Default: 1 MiB. */
  readonly maxBodySize?: number | undefined;
  /** Most plain requests on one connection, one after the other; 1 means no keep-alive. Default: 1 000. */
  readonly maxRequests?: number | undefined;
  /** Milliseconds that a connection may be idle between two plain requests. Then it is ended. Default: 5 000. */
  readonly keepAliveTimeout?: number | undefined;
  /** The source of time. Default: the runtime. */
  readonly clock?: Clock | undefined;
}

/** How a message is broadcast. */
export interface BroadcastOptions extends PublishOptions {
  /** A connection that does not get the message. */
  readonly except?: Connection | undefined;
}

/** How a server is shut down. */
export interface ShutdownOptions {
  /** Status code with which all connections are closed. Default: 1001, going away. */
  readonly status?: StatusCode;
  /** Reason in the close frames, at most 123 bytes of UTF-8. Default: none. */
  readonly reason?: string;
  /** Milliseconds for the whole shutdown. Then the remaining connections are dropped. Default: the option `closeTimeout`. */
  readonly deadline?: number;
  /**
   * Whether handlers that are at work get half of `deadline` to finish and to send their answers, before their connection is
   * closed. Meanwhile nothing more is read from the connection. The shutdown does not wait for `open`. If `deadline` is Infinity,
   * the time is 10 seconds. Default: true.
   */
  readonly drain?: boolean;
}

/** Result of a shutdown. */
export interface ShutdownResult {
  /** Connections that completed the closing handshake. */
  readonly closed: number;
  /** Connections that were dropped. */
  readonly dropped: number;
}

export const broadcastTable: OptionTable<BroadcastOptions> =
  /* @__PURE__ */ ((): OptionTable<BroadcastOptions> => ({
    ...publishTable,
    except: having("a connection", "send"),
  }))();

export const shutdownTable: OptionTable<ShutdownOptions> = {
  status: number,
  reason: text,
  deadline: milliseconds,
  drain: boolean,
};

export const serveTable: OptionTable<ServeOptions> =
  /* @__PURE__ */ ((): OptionTable<ServeOptions> => ({
    ...listenTable,
    ...connectionTable,
    ...addressTable,
    ...numbersOf(defaultHeadLimits),
    protocols: tokens,
    maxConnections: number,
    maxTotalBufferedAmount: number,
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

/** Limits of a server, except those of its connections, of heads and of plain requests. */
export interface ServerLimits {
  readonly handshakeTimeout: number;
  readonly maxConnections: number;
  readonly maxTotalBufferedAmount: number;
}

/** The defaults of these limits. */
export const defaultServerLimits: ServerLimits = {
  handshakeTimeout: 10_000,
  maxConnections: Infinity,
  maxTotalBufferedAmount: Infinity,
};
