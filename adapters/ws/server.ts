/**
 * The class `WebSocketServer` in the shape of `ws` 8, over a server of `node:http`.
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
  /** The server is closed, and so are its connections, where it tracks them. */
  close: [];
  /** The HTTP server has failed. */
  error: [error: Error];
  /** The lines of the response to a request, which a listener may change. */
  headers: [headers: string[], request: IncomingMessage];
  /** It listens. */
  listening: [];
  /** A request is wrong; with a listener the socket is the listener's to answer and to end. */
  wsClientError: [error: Error, socket: Duplex, request: IncomingMessage];
}

/** Its statics are EventEmitter's, as those of a WebSocket are (emitter.ts). */
const Emitter: Omit<typeof EventEmitter, "prototype"> &
  (new () => TypedEmitter<ServerEvents<WebSocket>>) = EventEmitter as never;

/** Whether it takes connections, waits for the end of those it has, or has ended. */
type Phase = "running" | "closing" | "closed";

/** Marks a socket that has a WebSocket: a second one would break the first. */
const isTaken: unique symbol = Symbol("has a WebSocket");

/** Is called with a connection that is open, and the request that it came by. */
export type Upgraded<Socket> = (websocket: Socket, request: IncomingMessage) => void;

function dropOnError(this: Duplex): void {
  this.destroy();
}

function answerPlain(_: IncomingMessage, response: import("node:http").ServerResponse): void {
  const body = STATUS_CODES[426]!;
  response.writeHead(426, { "Content-Length": body.length, "Content-Type": "text/plain" });
  response.end(body);
}

/** What a server was made with, as `@types/ws` has it. */
export interface ServerSettings<Socket> extends Omit<ServerOptions<Socket>, "WebSocket"> {
  /** Class of the connections. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- there it has all others on it, whatever is given
  WebSocket?: any;
}

/** Takes WebSocket connections of an HTTP server. */
export class WebSocketServer<Socket extends WebSocket = WebSocket> extends Emitter {
  /** What it was made with, defaults included. */
  readonly options: ServerSettings<Socket>;
  /** Its connections, where it tracks them. */
  readonly clients: Set<Socket>;
  /** The only path that it serves. */
  readonly path: string;
  readonly #extension: Extension | undefined;
  readonly #plain: ConnectionOptions;
  readonly #compressed: ConnectionOptions;
  #server: HttpServer | undefined;
  #stopListening: () => void = () => {};
  #phase: Phase = "running";

  /**
   * Begins to listen, where it has a `port`.
   *
   * @param callback Is called when it listens, with a `port`.
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
    if (hasPort) {
      const own = createServer(answerPlain);
      this.#listenTo(own);
      own.listen(port, options.host ?? undefined, options.backlog ?? undefined, callback);
    } else if (server) {
      this.#listenTo(server as HttpServer);
    }
  }

  /** The HTTP server that it listens to, which programs look at; null where there is none. */
  get _server(): HttpServer | null {
    return this.#server ?? null;
  }

  /** Gives where the HTTP server listens, null where it does not. @throws {Error} It has `noServer`. */
  address(): AddressInfo | string | null {
    if (this.options.noServer === true) {
      throw new Error('The server is operating in "noServer" mode');
    }
    return this.#server?.address() ?? null;
  }

  /**
   * Takes no connections any more. Those that are open stay so; `close` follows when they have ended, where it tracks them. Of HTTP
   * servers it closes its own alone.
   *
   * @param callback Is called with `close`; with an error where the server was closed before.
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

  /** Tells whether a request is for this server: by its path, where the option `path` names one. */
  shouldHandle(request: IncomingMessage): boolean | Promise<boolean> {
    const { path } = this.options;
    return !path || request.url!.split("?", 1)[0] === path;
  }

  /**
   * Answers a request for an upgrade.
   *
   * @param head What has come behind the request.
   * @param callback Is called with the connection when it is open.
   * @throws {Error} The socket has a WebSocket already.
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

  /** Asks `verifyClient` about the request, and goes on where it says yes. */
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
    // The client has gone, or is going, by now.
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
    ws.on("close", () => {
      this.clients.delete(ws);
      // With an HTTP server of its own, the end of that is waited for.
      const waits = this.#phase === "closing" && (this.options.noServer || this.options.server);
      if (waits && this.clients.size === 0) this.#closeSoon();
    });
  }

  /** Refuses a request that is wrong, unless somebody listens who does. */
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
