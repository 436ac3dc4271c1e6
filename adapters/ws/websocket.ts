/**
 * The class `WebSocket` in the shape of `ws` 8, over a connection of the core.
 *
 * Theory of operation. A client's handshake (client-handshake.ts) or a server's (server.ts) gives an upgraded socket to `open`, which has
 * the core adopt it. From then on the core runs the connection, and this class translates: calls into those of a `Connection`, what
 * the core's handlers are told into events. Those handlers are one object for all; a connection's `context` is its WebSocket.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import { setImmediate } from "node:timers";
import { adoptOn } from "../../src/connection/adopt.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers } from "../../src/connection/handlers.ts";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import type { Closure } from "../../src/errors.ts";
import { StatusAbnormalClosure } from "../../src/status.ts";
import type { RuntimeServices } from "../../src/connection/runtime-services.ts";
import { runtimeServices } from "../runtime-services.ts";
import { type Agreed, ClientHandshake, type HandshakeOwner } from "./client-handshake.ts";
import { clientArguments, targetOf } from "./client-request.ts";
import { closeArguments } from "./close-arguments.ts";
import { asBinaryType, binaryTypes, noBuffer, sizeOf, toBuffer } from "./data.ts";
import { deflateOf } from "./deflate.ts";
import { errorOf } from "./errors.ts";
import { WebSocketEmitter } from "./emitter.ts";
import { type ClientOptions, type CommonOptions, connectionOptions } from "./options.ts";
import { Outgoing } from "./outgoing.ts";
import { Sender } from "./sender.ts";
import { type UpgradedSocket, UpgradedTransport } from "./transport.ts";
import type {
  BinaryType,
  BufferLike,
  ControlCallback,
  SendCallback,
  SendOptions,
} from "./types.ts";

/**
 * How far it has come: "connecting" shakes hands, "failing" has given that up, "joined" has a connection, which knows the rest,
 * "over" has told `close`.
 */
type Phase = "connecting" | "failing" | "joined" | "over";

const stateNames = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];

/** What a server's handshake gives. */
export interface Upgraded {
  readonly socket: UpgradedSocket;
  readonly head: Uint8Array;
  readonly agreed: Agreed;
  readonly options: ConnectionOptions;
}

/** What connections take from the runtime. Listeners are called in whichever context an event comes, as those of `ws` are. */
let services: RuntimeServices | undefined;

/** What the core tells: one object for all connections, since each has its WebSocket as its context. */
let handlers: Handlers<WebSocket>;

/** Makes a WebSocket of a server an open one. For the server. */
export let openOnServer: (ws: WebSocket, upgraded: Upgraded) => void;

/** What is thrown by a listener is nobody's to catch: it goes where it would have gone from a socket's own event. */
function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/** One WebSocket connection, on either side of it. */
export class WebSocket extends WebSocketEmitter {
  /** The handshake is under way. */
  static readonly CONNECTING = 0;
  /** Messages go both ways. */
  static readonly OPEN = 1;
  /** The connection is about to end. */
  static readonly CLOSING = 2;
  /** It is over, or was never open. */
  static readonly CLOSED = 3;
  /** As the class's own. */
  declare readonly CONNECTING: 0;
  /** As the class's own. */
  declare readonly OPEN: 1;
  /** As the class's own. */
  declare readonly CLOSING: 2;
  /** As the class's own. */
  declare readonly CLOSED: 3;

  /** Whether this is a server's end. */
  _isServer: boolean;
  #phase: Phase = "connecting";
  #connection: Connection<WebSocket> | undefined;
  #outgoing: Outgoing | undefined;
  #transport: UpgradedTransport | undefined;
  #socket: UpgradedSocket | undefined;
  #handshake: ClientHandshake | undefined;
  #options: CommonOptions;
  #binaryType: BinaryType = "nodebuffer";
  #url: string | undefined;
  #protocol = "";
  #closure: Closure | undefined;
  #sender: Sender | undefined;
  /** Bytes that were given to `send` when it was too late for them. */
  #lateBytes = 0;

  static {
    handlers = {
      message: ({ context }, data, isText) => context.#told(data as Buffer, isText),
      ping({ context }, payload) {
        context.#toldControl("ping", payload);
      },
      pong({ context }, payload) {
        context.#toldControl("pong", payload);
      },
      error({ context }, error) {
        const told = errorOf(error);
        if (told !== undefined) context.#tellError(told);
      },
      close({ context }, closure) {
        context.#ended(closure);
      },
    };
    openOnServer = (ws, { socket, head, agreed, options }) => {
      ws.#open("server", socket, head, agreed, options);
    };
    for (const [value, name] of stateNames.entries()) {
      Object.defineProperty(WebSocket.prototype, name, { value, enumerable: true });
    }
  }

  /** @internal For a server. */
  constructor(address: null, protocols?: undefined, options?: CommonOptions);
  /**
   * Connects to a server.
   *
   * @param address URL with the scheme ws, wss, http, https or ws+unix.
   * @throws {SyntaxError} The URL or a subprotocol is none.
   */
  constructor(address: string | URL, options?: ClientOptions | object);
  /** Connects likewise. @param protocols Subprotocols to offer, the one liked best first. */
  constructor(
    address: string | URL,
    protocols?: string | string[],
    options?: ClientOptions | object,
  );
  constructor(
    address: string | URL | null,
    protocols?: string | readonly string[] | ClientOptions | object,
    options?: ClientOptions | object,
  ) {
    super();
    this._isServer = address === null;
    if (address === null) {
      this.#options = options ?? {};
      return;
    }
    const given = clientArguments(
      protocols as string | readonly string[] | ClientOptions | undefined,
      options,
    );
    this.#options = given.options;
    this.#connect(address, given.protocols, given.options);
  }

  /** How binary messages are given out: "nodebuffer", "arraybuffer", "fragments" or "blob". Default: "nodebuffer". */
  get binaryType(): "nodebuffer" | "arraybuffer" | "fragments" {
    return this.#binaryType as "nodebuffer" | "arraybuffer" | "fragments";
  }

  set binaryType(type: BinaryType) {
    if (binaryTypes.includes(type)) this.#binaryType = type;
  }

  /** Bytes that were sent and are not with the operating system yet, those that were sent too late included. */
  get bufferedAmount(): number {
    return this.#lateBytes + (this.#outgoing?.unsent ?? 0);
  }

  /** Names of the extensions that were agreed on, "" for none. */
  get extensions(): string {
    const { extensions = "" } = this.#connection ?? {};
    return extensions === "" ? "" : extensions.replace(/;[^,]*/g, "").replaceAll(" ", "");
  }

  /** Whether {@link pause} was called. */
  get isPaused(): boolean {
    return this.#transport?.isHeld === true;
  }

  /** The subprotocol that was agreed on, "" for none. */
  get protocol(): string {
    return this.#protocol;
  }

  /** How far the connection has come. */
  get readyState(): 0 | 1 | 2 | 3 {
    switch (this.#phase) {
      case "connecting":
        return WebSocket.CONNECTING;
      case "failing":
        return WebSocket.CLOSING;
      case "joined":
        return this.#connection!.state === "open" && !this.#outgoing!.isClosing
          ? WebSocket.OPEN
          : WebSocket.CLOSING;
      case "over":
        return WebSocket.CLOSED;
    }
  }

  /** A client's URL. */
  get url(): string {
    return this.#url as string;
  }

  /** Whether close frames went both ways. */
  get wasClean(): boolean {
    return this.#closure?.clean === true;
  }

  /**
   * Opens it over a stream whose handshake somebody else has done: for programs that do so with `ws`, such as those that test a server
   * without a network. Which side it is `_isServer` says.
   */
  setSocket(socket: object, head: Uint8Array, options: CommonOptions = {}): void {
    const agreed = { protocol: this.#protocol, extensions: "", target: "/" };
    const side = this._isServer ? "server" : "client";
    this.#open(side, socket as UpgradedSocket, head, agreed, connectionOptions(options, []));
  }

  /** The socket, which programs look at; null before there is one. */
  get _socket(): UpgradedSocket | null {
    return this.#socket ?? null;
  }

  /** What takes encoded frames; null before there is a socket. */
  get _sender(): Sender | null {
    if (this.#outgoing === undefined) return null;
    return (this.#sender ??= new Sender(this.#outgoing));
  }

  /**
   * Sends a message.
   *
   * @param data A string is sent as text, all else as binary, unless `options` says otherwise; bytes are copied.
   * @throws {Error} The connection is not open yet. Where it is not open any more, the callback is told.
   */
  send(data: BufferLike, callback?: SendCallback): void;
  send(data: BufferLike, options: SendOptions | undefined, callback?: SendCallback): void;
  send(
    data: BufferLike,
    options?: SendOptions | SendCallback | null,
    callback?: SendCallback,
  ): void {
    if (typeof options === "function") {
      callback = options;
      options = undefined;
    }
    if (this.#mayNotSend(data, callback)) return;
    const text = typeof data === "number" ? String(data) : data;
    this.#outgoing!.send(text, options ?? undefined, callback);
  }

  /**
   * Sends a ping.
   *
   * @param data At most 125 bytes. Default: none.
   * @param mask Ignored.
   * @throws {RangeError} It is longer. @throws {Error} The connection is not open yet.
   */
  ping(data?: unknown, mask?: unknown, callback?: ControlCallback): void {
    this.#control("ping", data, mask, callback as SendCallback | undefined);
  }

  /** Sends a pong that answers no ping, or one that `autoPong` leaves to you; likewise. */
  pong(data?: unknown, mask?: unknown, callback?: ControlCallback): void {
    this.#control("pong", data, mask, callback as SendCallback | undefined);
  }

  /**
   * Begins the closing handshake; what was sent before goes first. Messages that come before the peer's close frame are still told.
   *
   * @param code 1000 to 1014 but 1004 to 1006, or 3000 to 4999. Default: none is sent.
   * @param data The reason, of at most 123 bytes.
   * @throws {TypeError} The code is none of those. @throws {RangeError} The reason is longer.
   */
  close(code?: number, data?: string | Uint8Array): void {
    const { readyState } = this;
    if (readyState === WebSocket.CONNECTING) this.#abort();
    if (readyState !== WebSocket.OPEN) return;
    const { status, reason } = closeArguments(code, data);
    this.#outgoing!.close(status, reason);
  }

  /** Drops the connection. What was sent before has been given to the operating system as far as that took it. */
  terminate(): void {
    const { readyState } = this;
    if (readyState === WebSocket.CONNECTING) this.#abort();
    if (this.#phase === "joined") this.#outgoing!.terminate();
  }

  /** Reads no more for now; messages that have come may still be told. */
  pause(): void {
    if (this.#phase === "joined") this.#transport!.hold();
  }

  /** Reads on. */
  resume(): void {
    if (this.#phase === "joined") this.#transport!.letGo();
  }

  #connect(address: string | URL, protocols: readonly string[], options: ClientOptions): void {
    const extension = deflateOf(options.perMessageDeflate ?? true);
    const owner: HandshakeOwner = {
      websocket: this,
      isConnecting: () => this.#phase === "connecting",
      setUrl: (href) => {
        this.#url = href;
      },
      failing: () => {
        this.#phase = "failing";
      },
      failed: (error) => {
        this.#failed(error);
      },
      opened: (socket, head, agreed) => {
        this.#handshake = undefined;
        const extensions = extension === undefined || agreed.extensions === "" ? [] : [extension];
        this.#open("client", socket, head, agreed, connectionOptions(options, extensions));
      },
    };
    const wish = { protocols, options, extension };
    this.#handshake = new ClientHandshake(owner, targetOf(address), wish);
    this.#handshake.start();
  }

  /** Gives the handshake up. */
  #abort(): void {
    this.#handshake?.abort("WebSocket was closed before the connection was established");
  }

  #failed(error: Error): void {
    this.#handshake = undefined;
    try {
      this.emit("error", error);
    } finally {
      this.#phase = "over";
      this.emit("close", StatusAbnormalClosure, noBuffer);
    }
  }

  #open(
    side: "client" | "server",
    socket: UpgradedSocket,
    head: Uint8Array,
    agreed: Agreed,
    options: ConnectionOptions,
  ): void {
    const transport = new UpgradedTransport(socket, head);
    const { protocol, extensions, target } = agreed;
    const how = { side, protocol, extensions, target, context: this as WebSocket, options };
    services ??= { ...runtimeServices(), bindContext: undefined };
    const connection = adoptOn<WebSocket>(transport, how, handlers, services);
    this.#transport = transport;
    this.#socket = socket;
    this.#protocol = protocol;
    this.#connection = connection;
    this.#outgoing = new Outgoing(connection, (error) => {
      this.#tellError(error);
    });
    this.#phase = "joined";
    this.emit("open");
  }

  /** Tells a callback, and counts the bytes, where the connection is not open. @throws {Error} It is not open yet. */
  #mayNotSend(data: unknown, callback: SendCallback | undefined): boolean {
    const { readyState } = this;
    if (readyState === WebSocket.OPEN) return false;
    const message = `WebSocket is not open: readyState ${readyState} (${stateNames[readyState]!})`;
    if (readyState === WebSocket.CONNECTING) throw new Error(message);
    this.#lateBytes += sizeOf(data);
    if (callback !== undefined) process.nextTick(callback, new Error(message));
    return true;
  }

  #control(kind: "ping" | "pong", data: unknown, mask: unknown, callback?: SendCallback): void {
    if (typeof data === "function") {
      callback = data as SendCallback;
      data = undefined;
    } else if (typeof mask === "function") {
      callback = mask as SendCallback;
    }
    if (this.#mayNotSend(data, callback)) return;
    this.#outgoing!.control(kind, data, callback);
  }

  #told(data: Buffer, isText: boolean): unknown {
    try {
      if (isText) this.emit("message", data, false);
      else this.emit("message", asBinaryType(this.#binaryType, data), true);
    } catch (error) {
      throwLater(error);
    }
    if (this.#options.allowSynchronousEvents !== false) return undefined;
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  #toldControl(kind: "ping" | "pong", payload: Uint8Array): void {
    try {
      this.emit(kind, toBuffer(payload));
    } catch (error) {
      throwLater(error);
    }
  }

  #tellError(error: Error): void {
    try {
      this.emit("error", error);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  #ended(closure: Closure): void {
    this.#closure = closure;
    this.#phase = "over";
    try {
      this.emit("close", closure.status, Buffer.from(closure.reason));
    } catch (error) {
      throwLater(error);
    }
  }
}
