/**
 * The standard's class WebSocket (WHATWG WebSockets, 3.1). It converts and checks arguments as Web IDL and the standard say, and
 * passes everything else on to the `Socket` behind it (socket.ts).
 *
 * @module
 */

import { checkOptions, type OptionTable } from "../../src/check-options.ts";
import { type ClientOptions, clientTable } from "../../src/connection/client/connect.ts";
import type { Connection } from "../../src/connection/connection.ts";
import type { Handlers } from "../../src/connection/handlers.ts";
import { StatusNormalClosure } from "../../src/status.ts";
import {
  checkArgumentCount,
  checkCloseArguments,
  checkProtocols,
  parseSocketUrl,
} from "./checks.ts";
import { toClampedShort, toSendable, toStrings, toUsvString } from "./conversions.ts";
import { EventHandlers, type SocketEventType } from "./event-handlers.ts";
import { type OpenConnection, ownBytes, Socket, states } from "./socket.ts";
import type { WebSocketClass, WebSocketInstance, WebSocketOptions } from "./types.ts";

/** Options of other clients that this class does not have: its arguments and events take their place. */
const notOptions: readonly string[] = [
  "protocols",
  "context",
  "borrow",
  "newBytes",
  "textAs",
  "autoPong",
  "deliverAfterClose",
] satisfies (keyof ClientOptions)[];

const optionTable: OptionTable<WebSocketOptions> =
  /* @__PURE__ */ ((): OptionTable<WebSocketOptions> =>
    Object.fromEntries(
      Object.entries(clientTable).filter(([name]) => !notOptions.includes(name)),
    ) as unknown as OptionTable<WebSocketOptions>)();

/** Bytes of a received message, at most: programs for browsers expect no limit. */
const maxMessageSize = 100 * 1024 ** 2;

/** Unsent bytes, at most: a program can only watch `bufferedAmount`, and cannot wait. */
const maxBufferedAmount = 256 * 1024 ** 2;

const eventTypes: readonly SocketEventType[] = ["open", "message", "error", "close"];

/** An existing connection, passed to the constructor in the place of a URL. */
class Accepted {
  readonly ws: Connection;
  /** The socket that was made of it. */
  socket: Socket | undefined = undefined;

  constructor(ws: Connection) {
    this.ws = ws;
  }
}

/** The parts behind each WebSocket. */
interface Parts {
  readonly socket: Socket;
  readonly handlers: EventHandlers;
}

/** Makes the class. @param open Opens a connection, like an adapter's `connect`. */
export function webSocketOn(open: OpenConnection): WebSocketClass {
  let partsOf!: (ws: unknown) => Parts;

  class WebSocket extends EventTarget {
    readonly #parts: Parts;

    static {
      partsOf = (ws) => (ws as WebSocket).#parts;
    }

    constructor(url: unknown, protocols: unknown = [], options: WebSocketOptions = {}) {
      checkArgumentCount("WebSocket", arguments.length, 1);
      super();
      const socket =
        url instanceof Accepted
          ? adoptSocket(this, url)
          : connectSocket(this, open, url, protocols, options);
      this.#parts = { socket, handlers: new EventHandlers(this) };
    }

    get url(): string {
      return this.#parts.socket.url;
    }

    get readyState(): 0 | 1 | 2 | 3 {
      return this.#parts.socket.readyState;
    }

    get bufferedAmount(): number {
      return this.#parts.socket.bufferedAmount;
    }

    get extensions(): string {
      return this.#parts.socket.extensions;
    }

    get protocol(): string {
      return this.#parts.socket.protocol;
    }

    get binaryType(): string {
      return this.#parts.socket.binaryType;
    }

    set binaryType(value: unknown) {
      const text = `${value as string}`;
      // Another value is ignored, as Web IDL says for enumerations.
      if (text === "blob" || text === "arraybuffer") this.#parts.socket.binaryType = text;
    }

    // The parameters have defaults so that the function's length is 0.
    close(code: unknown = undefined, reason: unknown = undefined): void {
      closeSocket(this.#parts.socket, code, reason);
    }

    send(data: unknown): void {
      const { socket } = this.#parts;
      checkArgumentCount("send", arguments.length, 1);
      const sendable = toSendable(data);
      if (socket.readyState === states.CONNECTING) {
        throw new DOMException("WebSocket is not open yet", "InvalidStateError");
      }
      socket.send(sendable);
    }
  }

  return asInStandard(WebSocket, (ws) => partsOf(ws).handlers);
}

/** Begins to connect. @throws As the constructor of the class. */
function connectSocket(
  target: EventTarget,
  open: OpenConnection,
  url: unknown,
  protocols: unknown,
  options: WebSocketOptions,
): Socket {
  const text = toUsvString(url);
  const offered = toStrings(protocols);
  const { href, protocol, host, username, password } = parseSocketUrl(text);
  checkProtocols(offered);
  checkOptions(options, optionTable);
  const socket = new Socket(target, href, `${protocol}//${host}`);
  const hasCredentials = username !== "" || password !== "";
  socket.connect(open, {
    ...options,
    auth: options.auth ?? (hasCredentials ? "url" : undefined),
    compression: options.compression ?? true,
    maxMessageSize: options.maxMessageSize ?? maxMessageSize,
    maxFrameSize: options.maxFrameSize ?? maxMessageSize,
    maxBufferedAmount: options.maxBufferedAmount ?? maxBufferedAmount,
    newBytes: ownBytes,
    protocols: offered,
  });
  return socket;
}

function adoptSocket(target: EventTarget, accepted: Accepted): Socket {
  const socket = new Socket(target, accepted.ws.target, "");
  accepted.socket = socket;
  socket.adopt(accepted.ws);
  return socket;
}

/** Begins the closing handshake. @throws As the method of the class. */
function closeSocket(socket: Socket, code: unknown, reason: unknown): void {
  const status = code === undefined ? undefined : toClampedShort(code);
  const text = reason === undefined ? undefined : toUsvString(reason);
  checkCloseArguments(status, text);
  // A reason needs a code in front of it.
  const isBare = text === undefined || text === "";
  socket.close({ status: status ?? (isBare ? 0 : StatusNormalClosure), reason: text ?? "" });
}

/**
 * Gives a class the members that Web IDL requires: constants on class and prototype, enumerable attributes and methods, a tag.
 */
function asInStandard(
  made: { readonly prototype: object },
  handlersOf: (ws: unknown) => EventHandlers,
): WebSocketClass {
  const { prototype } = made;
  for (const type of eventTypes) {
    Object.defineProperty(prototype, `on${type}`, {
      get(this: unknown) {
        return handlersOf(this).get(type);
      },
      set(this: unknown, value: unknown) {
        handlersOf(this).set(type, value);
      },
      configurable: true,
    });
  }
  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (name !== "constructor") Object.defineProperty(prototype, name, { enumerable: true });
  }
  for (const [name, value] of Object.entries(states)) {
    Object.defineProperty(prototype, name, { value, enumerable: true });
    Object.defineProperty(made, name, { value, enumerable: true });
  }
  Object.defineProperty(prototype, Symbol.toStringTag, { value: "WebSocket", configurable: true });
  return made as WebSocketClass;
}

/** Takes an accepted connection. */
export type SocketAcceptor<Context> = (
  socket: WebSocketInstance,
  ws: Connection<Context>,
) => unknown;

/** Gives the handlers that make a WebSocket of this class of each of a server's connections. */
export function handlersOf<Context>(
  socketClass: WebSocketClass,
  accept: SocketAcceptor<Context>,
): Handlers<Context> {
  const sockets = new WeakMap<Connection<Context>, Socket>();
  const acceptedClass = socketClass as unknown as new (accepted: Accepted) => WebSocketInstance;
  return {
    open(ws) {
      const accepted = new Accepted(ws as Connection);
      const socket = new acceptedClass(accepted);
      sockets.set(ws, accepted.socket!);
      return accept(socket, ws);
    },
    message: (ws, data) => sockets.get(ws)!.onMessage(data),
    close(ws, closure) {
      sockets.get(ws)!.onClose(closure);
    },
  };
}
