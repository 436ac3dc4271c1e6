/** `framewire/ws` where the types of `@types/ws` are expected, and by the names that those have. Compiled, and never run. */
import type * as theirs from "ws";
import Ours, { createWebSocketStream, WebSocket, WebSocketServer } from "framewire/ws";

export const server: theirs.WebSocketServer = new WebSocketServer({ port: 8080, host: "::1" });
export const other: theirs.Server = new Ours.Server({ noServer: true });
export const socket: theirs.WebSocket = new WebSocket("ws://localhost/");
export const sockets: typeof theirs.WebSocket = WebSocket;
export const stream: typeof theirs.createWebSocketStream = createWebSocketStream;

export const print = (data: WebSocket.RawData): string => String(data);
export const dial = (options: Ours.ClientOptions): WebSocket =>
  new Ours("ws://localhost/", options);
export const start = (options: WebSocket.ServerOptions): WebSocket.Server =>
  new WebSocketServer(options);
socket.addEventListener("message", (event) => {
  const { data }: Pick<WebSocket.MessageEvent, "data"> = event;
  print(data as WebSocket.RawData);
});
