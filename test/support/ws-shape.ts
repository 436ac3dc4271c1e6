import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type * as ws from "ws";
import * as framewire from "../../adapters/ws/index.ts";
import { runtime } from "./runtime.ts";

/** What both have that have the shape of `ws`. */
export type Shape = Pick<typeof ws, "WebSocket" | "WebSocketServer" | "createWebSocketStream">;

/** A client's class and the stream by their own types: what takes those of `@types/ws` takes those of `framewire/ws`. */
const clients: Omit<Shape, "WebSocketServer"> = framewire;

/** A server's class knows no class of requests but Node's own, which that of `@types/ws` has as a parameter. */
const own: Shape = {
  ...framewire,
  ...clients,
  WebSocketServer: framewire.WebSocketServer as never,
};

/** The implementations that the tests are run against: on Node `ws` itself, and on each runtime `framewire/ws`. */
export const shapes: readonly (readonly [name: "ws" | "framewire/ws", shape: Shape])[] =
  runtime === "node"
    ? [
        ["ws", (await import("ws")) as Shape],
        ["framewire/ws", own],
      ]
    : [["framewire/ws", own]];

const toDo = new Set<() => void>();

/** Has something ended behind the test. */
export function later(task: () => void): void {
  toDo.add(task);
}

/** Ends what the test has left; for `afterEach`. */
export function cleanUp(): void {
  for (const task of toDo) task();
  toDo.clear();
}

export type ServerOptions = ws.WebSocket.ServerOptions & Record<string, unknown>;
export type ClientOptions = ws.WebSocket.ClientOptions & Record<string, unknown>;

/** A server that listens. */
export async function listen(
  { WebSocketServer }: Shape,
  options: ServerOptions = {},
): Promise<{ server: ws.WebSocketServer; url: string; port: number }> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  later(() => {
    for (const client of server.clients ?? []) client.terminate();
    server.close();
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { server, port, url: `ws://127.0.0.1:${port}` };
}

/** A client, whose errors are nobody's. */
export function dial({ WebSocket }: Shape, url: string, options: ClientOptions = {}): ws.WebSocket {
  const client = new WebSocket(url, options);
  later(() => {
    client.on("error", () => {});
    client.terminate();
  });
  return client;
}

/** Both ends of a connection that is open. */
export interface Pair {
  readonly server: ws.WebSocketServer;
  readonly client: ws.WebSocket;
  /** The server's end. */
  readonly peer: ws.WebSocket;
  readonly request: IncomingMessage;
}

/** Makes one, both ends of the same implementation. */
export async function pair(
  shape: Shape,
  serverOptions: ServerOptions = {},
  clientOptions: ClientOptions = {},
): Promise<Pair> {
  const { server, url } = await listen(shape, serverOptions);
  const client = dial(shape, url, clientOptions);
  const connected = once(server, "connection") as Promise<[ws.WebSocket, IncomingMessage]>;
  const [[peer, request]] = await Promise.all([connected, once(client, "open")]);
  return { server, client, peer, request };
}

/** Gives what the next event of a name tells; an `error` in front of it is for those who listen for that. */
export function next(emitter: ws.WebSocket, event: string): Promise<unknown[]> {
  return new Promise((resolve) => {
    emitter.once(event, (...values: unknown[]) => {
      resolve(values);
    });
  });
}

/** Gives the next message: its bytes as text, and whether it is binary. */
export async function message(socket: ws.WebSocket): Promise<[text: string, isBinary: boolean]> {
  const [data, isBinary] = await next(socket, "message");
  return [String(data), isBinary as boolean];
}

/** Gives how a connection ends: code and reason. */
export async function ended(socket: ws.WebSocket): Promise<[code: number, reason: string]> {
  const [code, reason] = await next(socket, "close");
  return [code as number, String(reason)];
}

/** An HTTP server of the test's own, and where it listens. */
export async function httpServer(): Promise<{ http: Server; port: number; url: string }> {
  const http = createServer();
  const sockets = new Set<Socket>();
  http.on("connection", (socket: Socket) => sockets.add(socket));
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  later(() => {
    http.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = http.address() as AddressInfo;
  return { http, port, url: `ws://127.0.0.1:${port}` };
}
