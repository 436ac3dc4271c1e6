/**
 * Connections with promises, time and back-pressure, over any transport.
 *
 * @module
 */

export { type Clock, systemClock } from "../clock.ts";
export {
  type Binary,
  type CloseOptions,
  Connection,
  type ConnectionState,
  prepareMessage,
  type PublishOptions,
  type SendOptions,
} from "./connection.ts";
export type { Backplane, BackplaneMember, BackplaneMembership, Publication } from "./backplane.ts";
export { localBackplane } from "./backplane.ts";
export { type ClientOptions, connectOn } from "./connect.ts";
export type { Counters, ServerCounters, TrafficCounters } from "./counters.ts";
export {
  type Data,
  type Handlers,
  type Refusal,
  route,
  type RouteHandlers,
  type ServerHandlers,
  type Upgrade,
} from "./handlers.ts";
export type { Host, Observer } from "./host.ts";
export type { ReceiveOptions } from "./inbox.ts";
export type { IncomingMessage } from "./incoming.ts";
export { type MessageOptions, MessageWriter } from "./message-writer.ts";
export type { ConnectionOptions, Overflow, TracedFrame } from "./options.ts";
export type { Delivery, SlowReceiver } from "./topics.ts";
export { type BackoffOptions, isTransient, type Loss } from "./backoff.ts";
export type {
  ConnectAttempt,
  KeeperOptions,
  Reconnectable,
  ReconnectEnd,
  ReconnectEndCause,
  ReconnectState,
} from "./keeper.ts";
export { Reconnecting, reconnecting, type ReconnectOptions } from "./reconnect.ts";
export { type WebSocketCloseInfo, WebSocketError } from "./websocket-error.ts";
export {
  type WebSocketOpenInfo,
  webSocketStream,
  WebSocketStream,
  type WebSocketStreamOptions,
} from "./websocket-stream.ts";
export {
  type BroadcastOptions,
  serveOn,
  type ServeOptions,
  Server,
  type ShutdownOptions,
  type ShutdownResult,
} from "./serve.ts";
