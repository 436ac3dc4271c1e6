/**
 * The standard's WebSocket as TypeScript sees it (WHATWG WebSockets, 3). Types only.
 *
 * Events are the runtime's own where a project has its types. Where it has none, they are what is described here, so that the
 * declarations compile either way.
 *
 * @module
 */

import type { ClientOptions } from "../../src/connection/client/connect.ts";
import type { BlobLike } from "../../src/connection/data.ts";

/** An event of a WebSocket, where a project has no runtime's types. */
export interface SocketEvent {
  /** "open", "message", "error" or "close". */
  readonly type: string;
  /** The WebSocket. */
  readonly target: unknown;
}

/** A message, where a project has no runtime's types. */
export interface SocketMessageEvent extends SocketEvent {
  /** A string for text; a Blob or an ArrayBuffer for bytes, as `binaryType` says. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as the libraries of browsers have it
  readonly data: any;
  /** Scheme, host and port of the server. */
  readonly origin: string;
}

/** The end of a connection, where a project has no runtime's types. */
export interface SocketCloseEvent extends SocketEvent {
  /** Status code of the peer's close frame: 1005 where it held none, 1006 where none came. */
  readonly code: number;
  /** The reason beside it, "" for none. */
  readonly reason: string;
  /** Whether close frames went both ways. */
  readonly wasClean: boolean;
}

/** The runtime's own `Event`; {@link SocketEvent} where a project has no runtime's types. */
export type RuntimeEvent = typeof globalThis extends {
  /** The runtime's class. */
  Event: {
    /** What it makes. */
    prototype: infer Own;
  };
}
  ? Own
  : SocketEvent;

/** The runtime's own `MessageEvent`, likewise. */
export type RuntimeMessageEvent = typeof globalThis extends {
  /** The runtime's class. */
  MessageEvent: {
    /** What it makes. */
    prototype: infer Own;
  };
}
  ? Own
  : SocketMessageEvent;

/** The runtime's own `CloseEvent`, likewise; Node has none before version 23. */
export type RuntimeCloseEvent = typeof globalThis extends {
  /** The runtime's class. */
  CloseEvent: {
    /** What it makes. */
    prototype: infer Own;
  };
}
  ? Own
  : RuntimeEvent & SocketCloseEvent;

/** The events of a WebSocket, by their types. */
export interface WebSocketEventMap {
  /** The connection is open. */
  readonly open: RuntimeEvent;
  /** A message has come. */
  readonly message: RuntimeMessageEvent;
  /** The connection has failed; `close` follows. Its `error`, which the standard does not have, says why. */
  readonly error: RuntimeEvent;
  /** The connection is over. */
  readonly close: RuntimeCloseEvent;
}

/** What may be told of events: a function, or an object with `handleEvent`. */
export type SocketEventListener<Event> =
  | ((event: Event) => unknown)
  | {
      /** Is called with the event. */
      handleEvent(event: Event): unknown;
    };

/** How a listener is added. */
export interface SocketListenerOptions {
  /** Takes the listener away when it has been called. */
  readonly once?: boolean;
  /** Changes nothing: an event of a WebSocket has no other target. */
  readonly capture?: boolean;
  /** Changes nothing: no event of a WebSocket can be canceled. */
  readonly passive?: boolean;
}

/** What bytes come as. */
export type BinaryType = "blob" | "arraybuffer";

/** A connection, as the standard has it. */
export interface WebSocketInstance {
  /** 0: the connection is not open yet. */
  readonly CONNECTING: 0;
  /** 1: messages go both ways. */
  readonly OPEN: 1;
  /** 2: it is being closed. */
  readonly CLOSING: 2;
  /** 3: it is over, or never was open. */
  readonly CLOSED: 3;
  /** The URL, with the scheme ws or wss, as the standard writes it. */
  readonly url: string;
  /** Where the connection stands: one of the four. */
  readonly readyState: 0 | 1 | 2 | 3;
  /**
   * Bytes of messages that were given to `send` and not yet to the network, without frames' headers. It comes down between tasks,
   * never inside of one. What is left at the end stays, and what is sent afterwards adds to it.
   */
  readonly bufferedAmount: number;
  /** The extensions that were agreed on, "" for none. */
  readonly extensions: string;
  /** The subprotocol that was agreed on, "" for none. */
  readonly protocol: string;
  /** What bytes come as, from the next event on. Default: "blob". */
  binaryType: BinaryType;
  /** Is called with `open`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as the libraries of browsers have it
  onopen: ((event: RuntimeEvent) => any) | null;
  /** Is called with each `message`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- likewise
  onmessage: ((event: RuntimeMessageEvent) => any) | null;
  /** Is called with `error`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- likewise
  onerror: ((event: RuntimeEvent) => any) | null;
  /** Is called with `close`. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- likewise
  onclose: ((event: RuntimeCloseEvent) => any) | null;
  /**
   * Sends a message; once the connection is closing it only adds to `bufferedAmount`.
   *
   * @param data A string is sent as text; bytes and a Blob as binary, those behind a Blob after it. Bytes are copied.
   * @throws {DOMException} `InvalidStateError`: the connection is not open yet.
   * @throws {TypeError} Bytes on a SharedArrayBuffer, or on a buffer that can be resized.
   */
  send(data: string | ArrayBufferLike | ArrayBufferView | BlobLike): void;
  /**
   * Begins the closing handshake behind what was sent; no message comes any more. Before the connection is open, it fails.
   *
   * @param code 1000, or 3000 to 4999. Default: none, which the peer sees as 1005; 1000 beside a reason.
   * @param reason At most 123 bytes of UTF-8. Default: none.
   * @throws {DOMException} `InvalidAccessError` for another code, `SyntaxError` for a longer reason.
   */
  close(code?: number, reason?: string): void;
  /** Adds a listener; a second time for the same one does nothing. */
  addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: SocketEventListener<WebSocketEventMap[Type]> | null,
    options?: boolean | SocketListenerOptions,
  ): void;
  /** Takes a listener away. */
  removeEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: SocketEventListener<WebSocketEventMap[Type]> | null,
    options?: boolean | SocketListenerOptions,
  ): void;
  /** Calls the listeners of an event that the application has made. @returns Whether none has canceled it. */
  dispatchEvent(event: RuntimeEvent): boolean;
}

/**
 * What the standard does not have: the options of every client's connection. `compression` is on by default, as in browsers;
 * `maxMessageSize` and `maxFrameSize` are 100 MiB, and `maxBufferedAmount` is 256 MiB.
 */
export type WebSocketOptions = Omit<
  ClientOptions,
  "protocols" | "context" | "borrow" | "newBytes" | "textAs" | "autoPong" | "deliverAfterClose"
>;

/** The class of WebSockets. */
export interface WebSocketClass {
  /** What is made has these members. */
  readonly prototype: WebSocketInstance;
  /** 0: the connection is not open yet. */
  readonly CONNECTING: 0;
  /** 1: messages go both ways. */
  readonly OPEN: 1;
  /** 2: it is being closed. */
  readonly CLOSING: 2;
  /** 3: it is over, or never was open. */
  readonly CLOSED: 3;
  /**
   * Begins to connect; `open` tells when that is done, `error` and `close` when it has failed.
   *
   * @param url With the scheme ws or wss; http and https stand for them.
   * @param protocols Subprotocols to offer, the one liked best first; where the server chooses none of them, the connection fails.
   * @param options What the standard does not have, such as `headers`, `tls` and `proxy`.
   * @throws {DOMException} `SyntaxError`: no such URL, one with a fragment; a subprotocol that is no token, or comes twice.
   * @throws {TypeError} An option is not known, or of a wrong type.
   */
  new (
    url: string | { readonly href: string },
    protocols?: string | readonly string[],
    options?: WebSocketOptions,
  ): WebSocketInstance;
}
