/**
 * The source of an error of the application's own code. Types only.
 *
 * @module
 */

import type { Side } from "../endpoint/endpoint.ts";

/** The code that threw: a handler or a hook by its name, or an option that is a function. */
export type ErrorThrower =
  | "open"
  | "message"
  | "stream"
  | "ping"
  | "pong"
  | "drain"
  | "error"
  | "close"
  | "upgrade"
  | "http"
  | "refused"
  | "origins"
  | "trustProxy"
  | "trace"
  | "extensions"
  | "sendStream"
  | "sent"
  | "backplane"
  | "stamp"
  | "nodes"
  | "presence"
  | "reconnecting"
  | "connected"
  | "disconnected"
  | "shouldReconnect"
  | "unhandledErrors";

/** The source of an error that nothing has caught. */
export interface ErrorSource {
  /** The handler, hook or option that threw, such as "message". */
  readonly thrower: ErrorThrower;
  /** Whether this side is a server or a client. */
  readonly side: Side;
  /**
   * IP address of the peer, or of the client behind trusted proxies; undefined if it is unknown, or no connection is involved.
   */
  readonly remoteAddress: string | undefined;
  /**
   * Path of the request that opened the connection, without the query, which may hold tokens; undefined if no connection is
   * involved.
   */
  readonly path: string | undefined;
}
