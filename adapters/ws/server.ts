/**
 * The class `WebSocketServer` with the interface of `ws` 8, over a server of `node:http`.
 *
 * Theory of operation. The server listens to `upgrade` of an HTTP server, its own or the application's; with `noServer` the
 * application calls `handleUpgrade`. A request is checked, shown to `verifyClient`, and answered; then a WebSocket takes the
 * socket. The phase says whether the server takes connections, waits for the end of those that it has, or is closed.
 *
 * @module
 */

import { EventEmitter } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server as HttpServer,
  STATUS_CODES,
} from "node:http";
import type { AddressInfo } from "node:net";
import process from "node:process";
import type { Duplex } from "node:stream";
import type { Extension } from "../../src/extension/extension.ts";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import { deflateOf } from "./deflate.ts";
import { connectionOptions, type ServerOptions, type WebSocketClass } from "./options.ts";
import {
  answerExtensions,
  type Asked,
  checkUpgradeRequest,
  isForeignPage,
  refuse,
  upgradeLines,
} from "./server-handshake.ts";
import type { UpgradedSocket } from "./transport.ts";
import type { TypedEmitter } from "./types.ts";
import { openOnServer, WebSocket } from "./websocket.ts";

/** Events of a server, with what their listeners get. */
export interface ServerEvents<Socket> {
  /** A connection is open. */
  connection: [websocket: Socket, request: IncomingMessage];
  /** The server is closed, and so are its connections, if it tracks them. */
  close: [];
  /** The HTTP server has failed. */
  error: [error: Error];
  /** The lines of the response to a request; a listener may change them. */
  headers: [headers: string[], request: IncomingMessage];
  /** The server listens. */
  listening: [];
  /** A request is wrong. If there is a listener, the listener must answer and end the socket. */
  wsClientError: [error: Error, socket: Duplex, request: IncomingMessage];
}

/** EventEmitter with typed events, as in emitter.ts. */
const Emitter: Omit<typeof EventEmitter, "prototype"> &
  (new () => TypedEmitter<ServerEvents<WebSocket>>) = EventEmitter as never;

/**
 * Whether the server takes connections ("running"), waits for the end of its connections ("closing"), or has ended ("closed").
 */
type Phase = "running" | "closing" | "closed";

/** Marks a socket that already has a WebSocket: a second WebSocket would break the first. */
const isTaken: unique symbol = Symbol("has a WebSocket");

/** Called with an open connection and its request. */
export type Upgraded<Socket> = (websocket: Socket, request: IncomingMessage) => void;

function dropOnError(this: Duplex): void {
  this.destroy();
}

function answerPlain(_: IncomingMessage, response: import("node:http").ServerResponse): void {
  const body = STATUS_CODES[426]!;
  response.writeHead(426, { "Content-Length": body.length, "Content-Type": "text/plain" });
  response.end(body);
}

/** Makes the listener that takes a connection out of a set. @param onEmpty Called when the set is empty. */
function untrackerOf<Socket>(clients: Set<Socket>, onEmpty: () => void): (this: Socket) => void {
  return function () {
    clients.delete(this);
    if (clients.size === 0) onEmpty();
  };
}

/** The options of a server with defaults filled in, with the type that `@types/ws` gives them. */
export interface ServerSettings<Socket> extends Omit<ServerOptions<Socket>, "WebSocket"> {
  /** Class of the connections. */
  // oxlint-disable-next-line typescript/no-explicit-any -- in @types/ws it always has the other exports as members
  WebSocket?: any;
}

/** Takes WebSocket connections of an HTTP server. */
export class WebSocketServer<Socket extends WebSocket = WebSocket> extends Emitter {
  /** The options, defaults included. */
  readonly options: ServerSettings<Socket>;
  /** The connections, if the server tracks them. */
  readonly clients: Set<Socket>;
  /** The only path that is served. */
  readonly path: string;
  readonly #extension: Extension | undefined;
  readonly #plain: ConnectionOptions;
  readonly #compressed: ConnectionOptions;
  #server: HttpServer | undefined;
  #stopListening: () => void = () => {};
  /** Listens to `close` of each tracked connection. One function for all of them, which is called with the connection as `this`. */
  readonly #untrack: (this: Socket) => void;
  #phase: Phase = "running";

  /**
   * Begins to listen, if there is a `port`.
   *
   * @param callback Called when the server listens, if there is a `port`.
   * @throws {TypeError} Not exactly one of `port`, `server` and `noServer` is given.
   */
  constructor(options: ServerOptions<Socket> = {}, callback?: () => void) {
    super();
    const { port, server, noServer = false } = options;
    const hasPort = port !== undefined && port !== null;
    if (Number(hasPort) + Number(Boolean(server)) + Number(noServer) !== 1) {
      throw new TypeError(
        'One and only one of the "port", "server", or "noServer" options must be specified',
      );
    }
    this.options = {
      allowSynchronousEvents: true,
      autoPong: true,
      clientTracking: true,
      perMessageDeflate: false,
      noServer: false,
      WebSocket,
      ...options,
    };
    this.path = options.path ?? (undefined as never);
    this.#extension = deflateOf(options.perMessageDeflate);
    this.#plain = connectionOptions(this.options, []);
    this.#compressed =
      this.#extension === undefined
        ? this.#plain
        : connectionOptions(this.options, [this.#extension]);
    this.clients = this.options.clientTracking === false ? (undefined as never) : new Set();
    this.#untrack = untrackerOf(this.clients, () => {
      // If this server made the HTTP server, `close` follows the end of the HTTP server instead.
      const waits = this.#phase === "closing" && (this.options.noServer || this.options.server);
      if (waits) this.#closeSoon();
    });
    if (hasPort) {
      const own = createServer(answerPlain);
      this.#listenTo(own);
      own.listen(port, options.host ?? undefined, options.backlog ?? undefined, callback);
    } else if (server) {
      this.#listenTo(server as HttpServer);
    }
  }

  /** The HTTP server; null if there is none. Programs read it. */
  get _server(): HttpServer | null {
    return this.#server ?? null;
  }

  /** Gives the address of the HTTP server; null if it does not listen. @throws {Error} The server has `noServer`. */
  address(): AddressInfo | string | null {
    if (this.options.noServer === true) {
      throw new Error('The server is operating in "noServer" mode');
    }
    return this.#server?.address() ?? null;
  }

  /**
   * Stops taking connections. Open connections stay open; `close` is emitted when they have ended, if the server tracks them. An
   * HTTP server is closed only if this server made it.
   *
   * @param callback Called with `close`; with an error if the server was closed before.
   */
  close(callback?: (error?: Error) => void): void {
    if (this.#phase === "closed") {
      if (callback) this.once("close", () => callback(new Error("The server is not running")));
      this.#closeSoon();
      return;
    }
    if (callback) this.once("close", callback);
    if (this.#phase === "closing") return;
    this.#phase = "closing";
    const server = this.#server;
    this.#stopListening();
    this.#server = undefined;
    if (this.options.noServer !== true && !this.options.server) {
      server!.close(() => {
        this.#closed();
      });
    } else if (!this.clients?.size) {
      this.#closeSoon();
    }
  }

  /** Tells whether a request is for this server: by its path, if there is the option `path`. */
  shouldHandle(request: IncomingMessage): boolean | Promise<boolean> {
    const { path } = this.options;
    return !path || request.url!.split("?", 1)[0] === path;
  }

  /**
   * Answers a request for an upgrade.
   *
   * @param head Bytes that came behind the request.
   * @param callback Called with the open connection.
   * @throws {Error} The socket already has a WebSocket.
   */
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    callback: Upgraded<Socket>,
  ): void {
    socket.on("error", dropOnError);
    const asked = checkUpgradeRequest(request);
    if ("status" in asked) {
      this.#refuseWrong(request, socket, asked.status, asked.message, asked.headers);
      return;
    }
    if (this.shouldHandle(request) === false) {
      refuse(socket, 400);
      return;
    }
    const extensions = answerExtensions(request, this.#extension);
    if (extensions === undefined) {
      const message = "Invalid or unacceptable Sec-WebSocket-Extensions header";
      this.#refuseWrong(request, socket, 400, message);
      return;
    }
    const complete = (): void => {
      this.#complete({ ...asked, extensions }, request, socket, head, callback);
    };
    this.#verify(asked.version, request, socket, complete);
  }

  #listenTo(server: HttpServer): void {
    this.#server = server;
    const listeners = {
      listening: () => this.emit("listening"),
      error: (error: Error) => this.emit("error", error),
      upgrade: (request: IncomingMessage, socket: Duplex, head: Uint8Array) => {
        this.handleUpgrade(request, socket, head, (ws) => this.emit("connection", ws, request));
      },
    };
    for (const [event, listener] of Object.entries(listeners)) server.on(event, listener);
    this.#stopListening = () => {
      for (const [event, listener] of Object.entries(listeners)) {
        server.removeListener(event, listener);
      }
    };
  }

  /** Calls `verifyClient`, and goes on if it accepts the request. */
  #verify(version: number, request: IncomingMessage, socket: Duplex, complete: () => void): void {
    const { verifyClient, safe = false } = this.options;
    if (!verifyClient) {
      if (safe && isForeignPage(request, version)) refuse(socket, 403);
      else complete();
      return;
    }
    const { authorized, encrypted } = request.socket as {
      authorized?: boolean;
      encrypted?: boolean;
    };
    const origin = request.headers[version === 8 ? "sec-websocket-origin" : "origin"] as string;
    const info = { origin, secure: authorized === true || encrypted === true, req: request };
    if (verifyClient.length < 2) {
      if ((verifyClient as (about: typeof info) => boolean)(info)) complete();
      else refuse(socket, 401);
      return;
    }
    verifyClient(info, (verified, code = 401, message?: string, headers?: OutgoingHttpHeaders) => {
      if (verified) complete();
      else refuse(socket, code || 401, message || undefined, headers);
    });
  }

  #complete(
    asked: Asked,
    request: IncomingMessage,
    socket: Duplex,
    head: Uint8Array,
    callback: Upgraded<Socket>,
  ): void {
    // The client may have gone meanwhile.
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    const marked = socket as Duplex & { [isTaken]?: boolean };
    if (marked[isTaken] === true) {
      throw new Error(
        "server.handleUpgrade() was called more than once with the same socket, possibly due to a misconfiguration",
      );
    }
    if (this.#phase !== "running") {
      refuse(socket, 503);
      return;
    }
    marked[isTaken] = true;
    const { WebSocket: Class } = this.options as { WebSocket: WebSocketClass<Socket> };
    const ws = new Class(null, undefined, this.options);
    const protocol = this.#choose(asked.protocols, request);
    const lines = upgradeLines(asked, protocol);
    this.emit("headers", lines, request);
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    socket.removeListener("error", dropOnError);
    openOnServer(ws, {
      socket: socket as unknown as UpgradedSocket,
      head,
      agreed: { protocol: protocol || "", extensions: asked.extensions, target: request.url! },
      options: asked.extensions === "" ? this.#plain : this.#compressed,
    });
    this.#track(ws);
    callback(ws, request);
  }

  #choose(offered: Set<string>, request: IncomingMessage): string | false | undefined {
    if (offered.size === 0) return undefined;
    const { handleProtocols } = this.options;
    return handleProtocols ? handleProtocols(offered, request) : offered.values().next().value;
  }

  #track(ws: Socket): void {
    if (this.clients === undefined) return;
    this.clients.add(ws);
    ws.on("close", this.#untrack);
  }

  /** Refuses a wrong request, unless a listener of `wsClientError` answers it. */
  #refuseWrong(
    request: IncomingMessage,
    socket: Duplex,
    status: number,
    message: string,
    headers?: OutgoingHttpHeaders,
  ): void {
    if (this.listenerCount("wsClientError") === 0) refuse(socket, status, message, headers);
    else this.emit("wsClientError", new Error(message), socket, request);
  }

  #closeSoon(): void {
    process.nextTick(() => {
      this.#closed();
    });
  }

  #closed(): void {
    this.#phase = "closed";
    this.emit("close");
  }
}
