/**
 * The interface of `ws` 8 over framewire, on Node, Deno and Bun: programs written for `ws` run on it unchanged.
 *
 * Both sides use `node:http` for the opening handshake, as `ws` does; framewire runs the open connection. The defaults are those
 * of `ws`; `safe: true` gives framewire's own.
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

/** Parses Sec-WebSocket-Protocol. */
export interface Subprotocol {
  /** Gives the names in a header, in their order. @throws {SyntaxError} The header is no list of distinct tokens. */
  parse(header: string): Set<string>;
}

/** Parses Sec-WebSocket-Protocol. */
export const subprotocol: Subprotocol = { parse };

/** The other exports that the class `WebSocket` has as members, as in `ws`. */
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

/** The class of connections, with the other exports as members. */
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

// Aliases, since all declarations become one file: there, a name inside a namespace hides the same name outside.
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

/** Types with the names of `@types/ws`, such as `WebSocket.RawData`. */
// oxlint-disable-next-line typescript/no-namespace -- programs for `ws` use these names
export declare namespace WebSocket {
  /** The data that a `message` listener gets. */
  export type RawData = NamedRawData;
  /** The type of `event.data`. */
  export type Data = NamedData;
  /** Options of a client. */
  export type ClientOptions = NamedClientOptions;
  /** Options of a server. */
  export type ServerOptions<Connection extends Socket = Socket> = NamedServerOptions<Connection>;
  /** Options of compression. */
  export type PerMessageDeflateOptions = NamedPerMessageDeflateOptions;
  /** Decides about a request, synchronously. */
  export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> =
    NamedVerifySync<Request>;
  /** Decides about a request, by calling a function. */
  export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> =
    NamedVerifyAsync<Request>;
  /** An event. */
  export type Event = NamedEvent;
  /** A message has come. */
  export type MessageEvent = NamedMessageEvent;
  /** The connection is over. */
  export type CloseEvent = NamedCloseEvent;
  /** Something went wrong. */
  export type ErrorEvent = NamedErrorEvent;
  /** The events by name. */
  export type WebSocketEventMap = NamedWebSocketEventMap;
  /** Options of a listener. */
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
