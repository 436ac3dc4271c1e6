/**
 * What an application may say at each step of a server's opening handshake. Types only.
 *
 * @module
 */

import type { Option } from "../../http/option.ts";
import type { GivenHeaders } from "../../http/headers.ts";
import type { Awaitable } from "../../io/byte-stream.ts";
import type { Peer } from "./peer.ts";

/**
 * What an Upgrader asks about a request, in the order of the wire.
 *
 * Each callback may be async. Bytes that it gets are views into the request, valid until it returns or its promise is
 * settled. Throwing refuses the connection: `rejectConnection` says how; any other error is answered with 500. The last
 * argument is what `newContext` made for this request.
 */
export interface UpgradeCallbacks<Context> {
  /**
   * Gets who asks, before all others: who is at the stream, or the client that `peers` find behind proxies. `address`, `port` and
   * `encrypted` are as the stream tells them by `remoteAddress`, `remotePort` and `encrypted`, which one of the adapters has.
   */
  onPeer?(peer: Peer, context: Context): Awaitable<void>;
  /** Gets the request target, before any header. */
  onRequest?(target: Uint8Array, context: Context): Awaitable<void>;
  /** Gets the value of Host. */
  onHost?(host: Uint8Array, context: Context): Awaitable<void>;
  /**
   * Gets each header that is not the handshake's own. Its name is spelled as in `X-Forwarded-For`, whatever the
   * client wrote; `headerIs` and `headerText` help with both.
   */
  onHeader?(name: Uint8Array, value: Uint8Array, context: Context): Awaitable<void>;
  /** Gets each offered subprotocol until it returns true: that one is chosen. */
  protocol?(name: Uint8Array, context: Context): Awaitable<boolean>;
  /** Gets the value of each Sec-WebSocket-Protocol and chooses by itself; instead of `protocol`. undefined is 400. */
  protocolCustom?(value: Uint8Array, context: Context): Awaitable<string | undefined>;
  /** Gets each offered extension, and gives what is agreed to, or undefined. */
  negotiate?(offer: Option, context: Context): Awaitable<Option | undefined>;
  /** Gets the value of each Sec-WebSocket-Extensions and answers by itself; instead of `negotiate`. undefined is 400. */
  extensionCustom?(value: Uint8Array, context: Context): Awaitable<readonly Option[] | undefined>;
  /** Has the last word before 101: may add headers to it, or throw to refuse. */
  onBeforeUpgrade?(context: Context): Awaitable<GivenHeaders | undefined | void>;
}
