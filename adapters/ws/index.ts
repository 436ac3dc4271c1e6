/**
 * The shape of `ws` 8 over framewire, on Node, Deno and Bun: programs that are written for `ws` run on it without a line changed.
 *
 * Both sides go over `node:http`, as those of `ws` do; the open connection is framewire's. Defaults are those of `ws`; `safe: true` asks
 * for framewire's own.
 *
 * @example
 * import { WebSocketServer } from "framewire/ws";
 *
 * const server = new WebSocketServer({ port: 8080 });
 * server.on("connection", (ws) => {
 *   ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
 * });
 *
 * @module framewire/ws
 */

import { Sender } from "./sender.ts";
import { WebSocketServer } from "./server.ts";
import { createWebSocketStream } from "./stream.ts";
import { parse } from "./subprotocol.ts";
import { WebSocket as Socket } from "./websocket.ts";

/** What reads Sec-WebSocket-Protocol. */
export interface Subprotocol {
  /** Gives the names in a header, in their order. @throws {SyntaxError} It is no list of distinct tokens. */
  parse(header: string): Set<string>;
}

/** Reads Sec-WebSocket-Protocol. */
export const subprotocol: Subprotocol = { parse };

/** What the class `WebSocket` carries of the others, as that of `ws` does. */
export interface WebSocketStatics {
  /** {@link createWebSocketStream}. */
  readonly createWebSocketStream: typeof createWebSocketStream;
  /** {@link Sender}. */
  readonly Sender: typeof Sender;
  /** {@link WebSocketServer}. */
  readonly Server: typeof WebSocketServer;
  /** {@link subprotocol}. */
  readonly subprotocol: Subprotocol;
  /** The class itself. */
  readonly WebSocket: typeof Socket;
  /** {@link WebSocketServer}. */
  readonly WebSocketServer: typeof WebSocketServer;
}

/** The class of connections, with the others on it. */
export const WebSocket: typeof Socket & WebSocketStatics = /* @__PURE__ */ Object.assign(Socket, {
  createWebSocketStream,
  Sender,
  Server: WebSocketServer,
  subprotocol,
  WebSocket: Socket,
  WebSocketServer,
});
/** One connection. */
export type WebSocket = Socket;

export { WebSocket as default, WebSocketServer as Server };
export { createWebSocketStream, Sender, WebSocketServer };
export type {
  ControlCallback,
  RawData,
  Data,
  BinaryType,
  BufferLike,
  ConvertibleToBytes,
  ConvertibleToText,
  SendCallback,
  SendOptions,
} from "./types.ts";
export type { SocketEvents, TypedEmitter, Listener, AnyListener } from "./types.ts";
export type { DeflateLevels, PerMessageDeflateOptions } from "./deflate.ts";
export type { FrameOptions, FrameTarget } from "./sender.ts";
export type { ServerEvents, Upgraded } from "./server.ts";
export type { StreamedWebSocket } from "./stream.ts";
export type { UpgradedSocket } from "./transport.ts";
export type {
  ClientOptions,
  CommonOptions,
  ServerOptions,
  VerifyClientCallbackAsync,
  VerifyClientCallbackSync,
  WebSocketClass,
} from "./options.ts";
export type {
  EventHandler,
  EventHandlerObject,
  EventListenerOptions,
  WebSocketEventMap,
} from "./events.ts";
