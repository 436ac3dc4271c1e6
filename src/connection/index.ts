/**
 * Connections with promises, time and back-pressure, over any transport.
 *
 * @module
 */

export { type Clock, type StopTimer, systemClock } from "../clock.ts";
export { adoptOn, type AdoptOptions } from "./adopt.ts";
export {
  type Binary,
  type CloseOptions,
  Connection,
  type ConnectionState,
  type PublishOptions,
  type SubscribeOptions,
} from "./connection.ts";
export {
  prepareMessage,
  type PrepareOptions,
  type SendOptions,
  type SentCallback,
} from "./send/prepare.ts";
export { prepareFrames } from "./send/prepare-frames.ts";
export type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
  BackplaneState,
} from "./backplane/backplane.ts";
export { histories, type NewHistories, type Stamp } from "./backplane/histories.ts";
export type { HistoryEntry, HistoryPage, Position, Replayed } from "./backplane/history.ts";
export { localBackplane, type LocalBackplaneOptions } from "./backplane/local.ts";
export type { CarryingOverflow } from "./backplane/carrier.ts";
export type {
  BackplaneCounters,
  BackplaneDown,
  BackplaneEvent,
  BackplaneFailure,
  BackplaneGap,
  BackplaneStatus,
  BackplaneUp,
  CarryingOptions,
} from "./backplane/status.ts";
export type { RouteParams } from "./server/routes.ts";
export type { Published } from "./server/topics.ts";
export { type ClientOptions, connectOn } from "./client/connect.ts";
export type { Counters, ServerCounters, TrafficCounters } from "./counters.ts";
export {
  type Handlers,
  type HookHandlers,
  type Refusal,
  route,
  type RouteContexts,
  type RouteHandlers,
  type RouteOptions,
  type RoutesOf,
  type ServerHandlers,
  type Upgrade,
} from "./handlers.ts";
export type { HttpAnswer, HttpHandler, HttpMethods } from "./http/answer.ts";
export type { FetchHandler, RuntimeRequest, RuntimeResponse } from "./http/fetch.ts";
export { type BodyOptions, HttpRequest } from "./http/request.ts";
export type { BlobLike, Data } from "./data.ts";
export type { ErrorSource, ErrorThrower } from "./error-source.ts";
export type { UnhandledErrors } from "./unhandled-errors.ts";
export type { InContext, RuntimeServices, Observer } from "./runtime-services.ts";
export type { ReceiveOptions } from "./receive/inbox.ts";
export type { GatherOptions, IncomingMessage } from "./receive/incoming.ts";
export { type MessageOptions, MessageWriter } from "./send/message-writer.ts";
export type { ConnectionOptions, TracedFrame } from "./options.ts";
export type { NewBytes, Overflow } from "./settings.ts";
export type { Delivery, SlowReceiver } from "./server/delivery.ts";
export type { BackoffOptions, Loss } from "./client/backoff.ts";
export { isTransient } from "./client/transient.ts";
export type {
  ConnectAttempt,
  ReconnectorOptions,
  Reconnectable,
  ReconnectEnd,
  ReconnectEndCause,
  ReconnectState,
} from "./client/reconnector.ts";
export { reconnecting } from "./client/reconnect.ts";
export { Reconnecting, type ReconnectOptions } from "./client/reconnecting.ts";
export { type WebSocketCloseInfo, WebSocketError } from "./client/websocket-error.ts";
export {
  type WebSocketOpenInfo,
  webSocketStream,
  WebSocketStream,
  type WebSocketStreamOptions,
} from "./client/websocket-stream.ts";
export type { AddressOptions, MessageRateLimit, RateLimit } from "./server/address-limits.ts";
export {
  type BroadcastOptions,
  createServerOn,
  serveOn,
  type ServeOptions,
  Server,
  type ShutdownOptions,
  type ShutdownResult,
} from "./server/serve.ts";
