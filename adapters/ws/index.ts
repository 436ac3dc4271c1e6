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

import type { IncomingMessage } from "node:http";
import type { PerMessageDeflateOptions as Deflate } from "./deflate.ts";
import type * as events from "./events.ts";
import type * as options from "./options.ts";
import { Sender } from "./sender.ts";
import { WebSocketServer } from "./server.ts";
import { createWebSocketStream } from "./stream.ts";
import { parse } from "./subprotocol.ts";
import type * as types from "./types.ts";
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

// By other names: in the one file of declarations that these become, a name within a namespace hides the one outside.
type NamedRawData = types.RawData;
type NamedData = types.Data;
type NamedClientOptions = options.ClientOptions;
type NamedPerMessageDeflateOptions = Deflate;
type NamedEvent = events.Event;
type NamedMessageEvent = events.MessageEvent;
type NamedCloseEvent = events.CloseEvent;
type NamedErrorEvent = events.ErrorEvent;
type NamedWebSocketEventMap = events.WebSocketEventMap;
type NamedEventListenerOptions = events.EventListenerOptions;
type NamedServerOptions<Connection extends Socket> = options.ServerOptions<Connection>;
type NamedVerifySync<Request extends IncomingMessage> = options.VerifyClientCallbackSync<Request>;
type NamedVerifyAsync<Request extends IncomingMessage> = options.VerifyClientCallbackAsync<Request>;

/** Types by the names that they have in `@types/ws`, such as `WebSocket.RawData`. */
// eslint-disable-next-line @typescript-eslint/no-namespace -- that is how programs for `ws` name them
export declare namespace WebSocket {
  /** What a `message` listener gets. */
  export type RawData = NamedRawData;
  /** What `event.data` is. */
  export type Data = NamedData;
  /** Options of a client. */
  export type ClientOptions = NamedClientOptions;
  /** Options of a server. */
  export type ServerOptions<Connection extends Socket = Socket> = NamedServerOptions<Connection>;
  /** Options of compression. */
  export type PerMessageDeflateOptions = NamedPerMessageDeflateOptions;
  /** Decides about a request at once. */
  export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> =
    NamedVerifySync<Request>;
  /** Decides about a request later. */
  export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> =
    NamedVerifyAsync<Request>;
  /** What happened. */
  export type Event = NamedEvent;
  /** A message has come. */
  export type MessageEvent = NamedMessageEvent;
  /** The connection is over. */
  export type CloseEvent = NamedCloseEvent;
  /** Something went wrong. */
  export type ErrorEvent = NamedErrorEvent;
  /** The events by name. */
  export type WebSocketEventMap = NamedWebSocketEventMap;
  /** How a listener is added. */
  export type EventListenerOptions = NamedEventListenerOptions;
  /** A server. */
  export type Server<Connection extends Socket = Socket> = WebSocketServer<Connection>;
}

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
export type { ServerEvents, ServerSettings, Upgraded } from "./server.ts";
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
