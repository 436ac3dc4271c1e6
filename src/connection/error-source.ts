/**
 * Where an error of the application's own code comes from. Types only.
 *
 * @module
 */

import type { Side } from "../endpoint/endpoint.ts";

/** Whose code has thrown: a handler or a hook by its name, or an option whose code was called. */
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
  | "reconnecting"
  | "connected"
  | "disconnected"
  | "shouldReconnect"
  | "unhandledErrors";

/** Where an error comes from that nobody has taken. */
export interface ErrorSource {
  /** The handler, hook or option whose code has thrown, such as "message". */
  readonly thrower: ErrorThrower;
  /** Which side this is. */
  readonly side: Side;
  /**
   * The peer's IP address, of the client itself where trusted proxies tell it; undefined where none is known, or where no
   * connection was concerned.
   */
  readonly remoteAddress: string | undefined;
  /** Path of the request that opens the connection, without its query, which may hold tokens; undefined likewise. */
  readonly path: string | undefined;
}
