/**
 * The class `WebSocket` with the interface of `ws` 8, over a connection of the core.
 *
 * Theory of operation. A client's handshake (client-handshake.ts) or a server's (server.ts) gives an upgraded socket to `open`,
 * which lets the core adopt it. From then on the core runs the connection, and this class translates: method calls into calls of
 * a `Connection`, and calls of the core's handlers into events. All connections share one object of handlers; a connection's
 * `context` is its WebSocket.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import { setImmediate } from "node:timers";
import { adoptKnown } from "../../src/connection/adopt.ts";
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
import { asBinaryType, binaryTypes, checkingCodec, noBuffer, sizeOf, toBuffer } from "./data.ts";
import { deflateOf } from "./deflate.ts";
import { errorOf } from "./errors.ts";
import { WebSocketEmitter } from "./emitter.ts";
import { type ClientOptions, type CommonOptions, connectionOptions } from "./options.ts";
import { type OnBlobFailed, Outgoing } from "./outgoing.ts";
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
 * How far a WebSocket has come: "connecting" does the handshake, "failing" has given the handshake up, "joined" has a connection,
 * which knows the rest, "over" has emitted `close`.
 */
type Phase = "connecting" | "failing" | "joined" | "over";

const stateNames = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"];

/** The results of a server's handshake. */
export interface Upgraded {
  readonly socket: UpgradedSocket;
  readonly head: Uint8Array;
  readonly agreed: Agreed;
  readonly options: ConnectionOptions;
}

/** The services of the runtime. Listeners run in the async context in which an event comes, as with `ws`. */
let services: RuntimeServices | undefined;

function servicesOf(common: RuntimeServices): RuntimeServices {
  // No spread: it would ask for what answers requests, too.
  const { engine, observer, ownBufferSize, afterTurn, codec } = common;
  return { engine, observer, ownBufferSize, afterTurn, codec: codec && checkingCodec(codec) };
}

/** The core's handlers: one object for all connections, since each connection has its WebSocket as its context. */
let handlers: Handlers<WebSocket>;

/** Tells the WebSocket of a connection that the bytes of a Blob cannot be read. */
let onBlobFailed: OnBlobFailed<WebSocket>;

/** Opens a server's WebSocket. For the server. */
export let openOnServer: (ws: WebSocket, upgraded: Upgraded) => void;

/** Makes an error of a listener uncaught, as it would be in a socket's own event. */
function throwLater(error: unknown): void {
  process.nextTick(() => {
    throw error;
  });
}

/** A WebSocket connection, on a client or a server. */
export class WebSocket extends WebSocketEmitter {
  /** The handshake is under way. */
  static readonly CONNECTING = 0;
  /** Messages go both ways. */
  static readonly OPEN = 1;
  /** The connection is about to end. */
  static readonly CLOSING = 2;
  /** The connection is over, or was never open. */
  static readonly CLOSED = 3;
  /** As the class's constant. */
  declare readonly CONNECTING: 0;
  /** As the class's constant. */
  declare readonly OPEN: 1;
  /** As the class's constant. */
  declare readonly CLOSING: 2;
  /** As the class's constant. */
  declare readonly CLOSED: 3;

  /** Whether this is a server's end. */
  _isServer: boolean;
  #phase: Phase = "connecting";
  #connection: Connection<WebSocket> | undefined;
  #outgoing: Outgoing<WebSocket> | undefined;
  #transport: UpgradedTransport | undefined;
  #socket: UpgradedSocket | undefined;
  #handshake: ClientHandshake | undefined;
  #options: CommonOptions;
  #binaryType: BinaryType = "nodebuffer";
  #url: string | undefined;
  #protocol = "";
  #closure: Closure | undefined;
  #sender: Sender | undefined;
  /** Bytes that were given to `send` after the connection had begun to close. */
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
        // Behind the microtasks that call the callbacks of lost messages: with `ws` nothing comes after `close`.
        queueMicrotask(() => {
          context.#ended(closure);
        });
      },
    };
    onBlobFailed = ({ context }, error) => {
      context.#tellError(error);
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
   * @throws {SyntaxError} The URL or a subprotocol is invalid.
   */
  constructor(address: string | URL, options?: ClientOptions | object);
  /** Connects to a server. @param protocols Subprotocols to offer, in order of preference. */
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

  /** The form of binary messages: "nodebuffer", "arraybuffer", "fragments" or "blob". Default: "nodebuffer". */
  get binaryType(): "nodebuffer" | "arraybuffer" | "fragments" {
    return this.#binaryType as "nodebuffer" | "arraybuffer" | "fragments";
  }

  set binaryType(type: BinaryType) {
    if (binaryTypes.includes(type)) this.#binaryType = type;
  }

  /** Sent bytes that the operating system has not taken yet, and bytes that were sent too late. */
  get bufferedAmount(): number {
    return this.#lateBytes + (this.#outgoing?.unsent ?? 0);
  }

  /** Names of the extensions that were agreed upon; "" for none. */
  get extensions(): string {
    const { extensions = "" } = this.#connection ?? {};
    return extensions === "" ? "" : extensions.replace(/;[^,]*/g, "").replaceAll(" ", "");
  }

  /** Whether the application has paused reading. */
  get isPaused(): boolean {
    return this.#transport?.isHeld === true;
  }

  /** The subprotocol that was agreed upon; "" for none. */
  get protocol(): string {
    return this.#protocol;
  }

  /** The state of the connection. */
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

  /** The URL of a client's connection. */
  get url(): string {
    return this.#url as string;
  }

  /** Whether close frames went both ways. */
  get wasClean(): boolean {
    return this.#closure?.clean === true;
  }

  /**
   * Opens the connection over a stream whose handshake other code has done: for programs that do so with `ws`, such as tests of a
   * server without a network. `_isServer` says which side it is.
   */
  setSocket(socket: object, head: Uint8Array, options: CommonOptions = {}): void {
    const agreed = { protocol: this.#protocol, extensions: "", target: "/" };
    const side = this._isServer ? "server" : "client";
    this.#open(side, socket as UpgradedSocket, head, agreed, connectionOptions(options, []));
  }

  /** The socket, which programs read; null before there is one. */
  get _socket(): UpgradedSocket | null {
    return this.#socket ?? null;
  }

  /** Sends encoded frames; null before there is a socket. */
  get _sender(): Sender | null {
    if (this.#outgoing === undefined) return null;
    return (this.#sender ??= new Sender(this.#outgoing));
  }

  /**
   * Sends a message.
   *
   * @param data A string is sent as text, everything else as binary, unless `options` says otherwise; bytes are copied.
   * @throws {Error} The connection is not open yet. If it is no longer open, the callback gets an error.
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
   * @throws {RangeError} `data` is longer.
   * @throws {Error} The connection is not open yet.
   */
  ping(data?: unknown, mask?: unknown, callback?: ControlCallback): void {
    this.#control("ping", data, mask, callback as SendCallback | undefined);
  }

  /** Sends a pong that answers no ping, or the answer to a ping if `autoPong` is false. Otherwise as {@link ping}. */
  pong(data?: unknown, mask?: unknown, callback?: ControlCallback): void {
    this.#control("pong", data, mask, callback as SendCallback | undefined);
  }

  /**
   * Begins the closing handshake behind everything that was sent. Messages that come before the peer's close frame are still
   * delivered.
   *
   * @param code 1000 to 1003, 1007 to 1014, or 3000 to 4999. Default: none is sent.
   * @param data The reason, at most 123 bytes.
   * @throws {TypeError} The code may not be sent.
   * @throws {RangeError} The reason is longer.
   */
  close(code?: number, data?: string | Uint8Array): void {
    const { readyState } = this;
    if (readyState === WebSocket.CONNECTING) this.#abort();
    if (readyState !== WebSocket.OPEN) return;
    const { status, reason } = closeArguments(code, data);
    this.#outgoing!.close(status, reason);
  }

  /** Drops the connection. Bytes that were sent before still leave as far as the operating system takes them at once. */
  terminate(): void {
    const { readyState } = this;
    if (readyState === WebSocket.CONNECTING) this.#abort();
    if (this.#phase === "joined") this.#outgoing!.terminate();
  }

  /** Stops reading for now; messages that have already come may still be delivered. */
  pause(): void {
    if (this.#phase === "joined") this.#transport!.hold();
  }

  /** Goes on reading. */
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

  /** Gives up the handshake. */
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
    const how = {
      side,
      protocol,
      extensions,
      target,
      context: this as WebSocket,
      peer: transport.commonPeer,
      options,
    };
    services ??= servicesOf(runtimeServices());
    const connection = adoptKnown<WebSocket>(transport, how, handlers, services);
    this.#transport = transport;
    this.#socket = socket;
    this.#protocol = protocol;
    this.#connection = connection;
    this.#outgoing = new Outgoing(connection, onBlobFailed);
    this.#phase = "joined";
    this.emit("open");
  }

  /** If the connection is not open, counts the bytes and gives the callback an error. @throws {Error} It is not open yet. */
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
