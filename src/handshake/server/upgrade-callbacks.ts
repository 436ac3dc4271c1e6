/**
 * The callbacks of a server's opening handshake. Types only.
 *
 * @module
 */

import type { Option } from "../../http/option.ts";
import type { GivenHeaders } from "../../http/headers.ts";
import type { Awaitable } from "../../io/byte-stream.ts";
import type { Peer } from "./peer.ts";

/**
 * The callbacks of an Upgrader, in the order of the request's parts.
 *
 * Each callback may be async. Bytes are views into the request, valid until the callback returns or its promise settles. A
 * callback that throws refuses the connection: use `rejectConnection`; any other error is answered with 500. The last argument is
 * the result of `newContext` for this request.
 */
export interface UpgradeCallbacks<Context> {
  /**
   * Gets the client, before all other callbacks: the other end of the stream, or the client that `peers` finds behind proxies.
   * `address`, `port` and `encrypted` come from the stream's `remoteAddress`, `remotePort` and `encrypted`. The adapters' streams
   * have these.
   */
  onPeer?(peer: Peer, context: Context): Awaitable<void>;
  /** Gets the request target, before any header. */
  onRequest?(target: Uint8Array, context: Context): Awaitable<void>;
  /** Gets the value of Host. */
  onHost?(host: Uint8Array, context: Context): Awaitable<void>;
  /**
   * Gets each header that does not belong to the handshake. The name is spelled as in `X-Forwarded-For`, in whatever case the
   * client wrote it. `headerIs` and `headerText` read names and values.
   */
  onHeader?(name: Uint8Array, value: Uint8Array, context: Context): Awaitable<void>;
  /** Gets each offered subprotocol until it returns true. That subprotocol is chosen. */
  protocol?(name: Uint8Array, context: Context): Awaitable<boolean>;
  /**
   * Gets the value of each Sec-WebSocket-Protocol header and chooses itself, instead of `protocol`. undefined is answered with
   * 400.
   */
  protocolCustom?(value: Uint8Array, context: Context): Awaitable<string | undefined>;
  /** Gets each offered extension. Returns the accepted form of the extension, or undefined to decline it. */
  negotiate?(offer: Option, context: Context): Awaitable<Option | undefined>;
  /**
   * Gets the value of each Sec-WebSocket-Extensions header and answers itself, instead of `negotiate`. undefined is answered with
   * 400.
   */
  extensionCustom?(value: Uint8Array, context: Context): Awaitable<readonly Option[] | undefined>;
  /** Runs last before 101. It may return headers for the response, or throw to refuse. */
  onBeforeUpgrade?(context: Context): Awaitable<GivenHeaders | undefined | void>;
}
