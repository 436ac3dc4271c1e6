/**
 * What an application writes to handle connections.
 *
 * @module
 */

import type { Closure, HandshakeError, HeaderPairs } from "../errors.ts";
import type { HttpReply } from "../handshake/response.ts";
import type { UpgradeRequest } from "../handshake/upgrade-request.ts";
import type { Connection } from "./connection.ts";

/** What a message holds: text as a string, binary as bytes. */
export type Data = string | Uint8Array;

type MaybePromise<Value> = Value | Promise<Value>;

/** What the `upgrade` hook may say of a connection that it lets in. */
export interface Upgrade<Context> {
  /** The subprotocol chosen, one of those offered. Default: none. */
  readonly protocol?: string | undefined;
  /** Headers to add to the response, such as cookies. */
  readonly headers?: HeaderPairs;
  /** What was learned of the peer; the connection carries it as `context`. */
  readonly context?: Context;
}

/**
 * Handlers of one server's or client's connections. All are optional.
 *
 * A handler that returns a promise is awaited before the next message of that connection is delivered, and meanwhile
 * the peer is held back. One that throws or rejects fails its connection with 1011 and is reported to `error`; it
 * never takes the process down.
 */
export interface Handlers<Context = unknown> {
  /** The connection is open. */
  open?(ws: Connection<Context>): unknown;
  /**
   * A message has come.
   *
   * @param data Yours to keep, unless the option `borrow` is set: then bytes are valid until the handler returns.
   */
  message?(ws: Connection<Context>, data: Data): unknown;
  /** Something went wrong: called once, before `close`, with the error that `closed` reports too. */
  error?(ws: Connection<Context>, error: unknown): unknown;
  /** The connection is over: the last call, always, exactly once for each `open`. */
  close?(ws: Connection<Context>, closure: Closure): unknown;
}

/** Handlers of a server. */
export interface ServerHandlers<Context = unknown> extends Handlers<Context> {
  /**
   * Decides about a handshake, before it is answered. Default: everybody is let in, without a subprotocol.
   *
   * To refuse, throw {@link rejectConnection}; what else is thrown answers 500, without its text.
   *
   * @param request Valid until the hook returns, or until its promise settles.
   */
  upgrade?(request: UpgradeRequest): MaybePromise<Upgrade<Context> | undefined | void>;
  /** Answers a GET that asks for no upgrade, such as a health check. Default: 426. */
  http?(request: UpgradeRequest): MaybePromise<HttpReply>;
  /** A handshake came to nothing: `error.cause` tells why where a hook failed. Meant for logs. */
  refused?(error: HandshakeError, remoteAddress: string | undefined): unknown;
}
