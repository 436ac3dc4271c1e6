/**
 * The standard's WebSocket on Bun, for clients and for accepted connections.
 *
 * @example
 * import { WebSocket } from "framewire/websocket";
 *
 * const ws = new WebSocket("wss://example.org/feed", "feed.v2", { headers: { "X-Key": "k" } });
 * ws.onmessage = ({ data }) => console.log(data);
 *
 * @module framewire/websocket
 */

import type { Handlers } from "../../src/connection/handlers.ts";
import { connect } from "../bun/index.ts";
import type { WebSocketClass, WebSocketInstance } from "./types.ts";
import { handlersOf, type SocketAcceptor, webSocketOn } from "./web-socket.ts";

export { CloseEvent, type CloseEventClass, type CloseEventInit } from "./events.ts";
export type { SocketAcceptor } from "./web-socket.ts";
export type {
  BinaryType,
  RuntimeCloseEvent,
  RuntimeEvent,
  RuntimeMessageEvent,
  SocketCloseEvent,
  SocketEvent,
  SocketEventListener,
  SocketListenerOptions,
  SocketMessageEvent,
  WebSocketClass,
  WebSocketEventMap,
  WebSocketInstance,
  WebSocketOptions,
} from "./types.ts";

/** A connection with the standard's interface. */
export type WebSocket = WebSocketInstance;

/** The standard's WebSocket as a client on Bun. @see WHATWG WebSockets, 3 */
export const WebSocket: WebSocketClass = /* @__PURE__ */ webSocketOn(connect);

/**
 * Gives handlers for `serve` that make a standard WebSocket of each connection. Do not use the server's options `borrow` and
 * `textAs` with them: messages wait for separate tasks.
 *
 * @param accept Called with each open connection. The WebSocket is already open, and dispatches no `open` event. Its events begin
 * when this function has returned, or its promise has settled.
 *
 * @example
 * await serve({ port: 8080 }, webSocketHandlers((socket) => {
 *   socket.onmessage = ({ data }) => socket.send(data);
 * }));
 */
export function webSocketHandlers<Context = unknown>(
  accept: SocketAcceptor<Context>,
): Handlers<Context> {
  return handlersOf(WebSocket, accept);
}
