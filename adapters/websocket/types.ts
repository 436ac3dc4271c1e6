/**
 * The TypeScript types of the standard's WebSocket (WHATWG WebSockets, 3). Types only.
 *
 * If a project has a runtime's types, events have those types. Otherwise they have the types described here, so that the
 * declarations compile in both cases.
 *
 * @module
 */

import type { ClientOptions } from "../../src/connection/client/connect.ts";
import type { BlobLike } from "../../src/connection/data.ts";

/** An event of a WebSocket, for projects without a runtime's types. */
export interface SocketEvent {
  /** "open", "message", "error" or "close". */
  readonly type: string;
  /** The WebSocket. */
  readonly target: unknown;
}

/** A message event, for projects without a runtime's types. */
export interface SocketMessageEvent extends SocketEvent {
  /** A string for text; for bytes a Blob or an ArrayBuffer, according to `binaryType`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as in the libraries of browsers
  readonly data: any;
  /** Scheme, host and port of the server. */
  readonly origin: string;
}

/** The end of a connection, for projects without a runtime's types. */
export interface SocketCloseEvent extends SocketEvent {
  /** Status code of the peer's close frame: 1005 if the frame had none, 1006 if no close frame came. */
  readonly code: number;
  /** Reason of the peer's close frame; "" for none. */
  readonly reason: string;
  /** Whether close frames went both ways. */
  readonly wasClean: boolean;
}

/** The runtime's own `Event`; {@link SocketEvent} in projects without a runtime's types. */
export type RuntimeEvent = typeof globalThis extends {
  /** The runtime's class. */
  Event: {
    /** Its instances. */
    prototype: infer Own;
  };
}
  ? Own
  : SocketEvent;

/** The runtime's own `MessageEvent`; {@link SocketMessageEvent} in projects without a runtime's types. */
export type RuntimeMessageEvent = typeof globalThis extends {
  /** The runtime's class. */
  MessageEvent: {
    /** Its instances. */
    prototype: infer Own;
  };
}
  ? Own
  : SocketMessageEvent;

/**
 * The runtime's own `CloseEvent`; {@link SocketCloseEvent} in projects without a runtime's types. Node has it from version 23 on.
 */
export type RuntimeCloseEvent = typeof globalThis extends {
  /** The runtime's class. */
  CloseEvent: {
    /** Its instances. */
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

/** A listener: a function, or an object with `handleEvent`. */
export type SocketEventListener<Event> =
  | ((event: Event) => unknown)
  | {
      /** Called with the event. */
      handleEvent(event: Event): unknown;
    };

/** Options of a listener. */
export interface SocketListenerOptions {
  /** Removes the listener after its first call. */
  readonly once?: boolean;
  /** Has no effect: an event of a WebSocket has no other target. */
  readonly capture?: boolean;
  /** Has no effect: no event of a WebSocket can be canceled. */
  readonly passive?: boolean;
}

/** The form in which bytes are delivered. */
export type BinaryType = "blob" | "arraybuffer";

/** A connection with the standard's interface. */
export interface WebSocketInstance {
  /** 0: the connection is not open yet. */
  readonly CONNECTING: 0;
  /** 1: messages go both ways. */
  readonly OPEN: 1;
  /** 2: the connection is being closed. */
  readonly CLOSING: 2;
  /** 3: the connection is over, or never was open. */
  readonly CLOSED: 3;
  /** The URL in the standard's form, with the scheme ws or wss. */
  readonly url: string;
  /** The state of the connection: one of the four. */
  readonly readyState: 0 | 1 | 2 | 3;
  /**
   * Bytes of messages that were given to `send` and not yet to the network, without headers of frames. It falls between tasks,
   * never inside one. Bytes that are unsent at the end stay counted, and later calls of `send` add to them.
   */
  readonly bufferedAmount: number;
  /** The extensions that were agreed upon; "" for none. */
  readonly extensions: string;
  /** The subprotocol that was agreed upon; "" for none. */
  readonly protocol: string;
  /** The form of bytes, from the next event on. Default: "blob". */
  binaryType: BinaryType;
  /** Called with the event `open`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as in the libraries of browsers
  onopen: ((event: RuntimeEvent) => any) | null;
  /** Called with each event `message`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  onmessage: ((event: RuntimeMessageEvent) => any) | null;
  /** Called with the event `error`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  onerror: ((event: RuntimeEvent) => any) | null;
  /** Called with the event `close`. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as above
  onclose: ((event: RuntimeCloseEvent) => any) | null;
  /**
   * Sends a message. If the connection is closing or closed, it only adds to `bufferedAmount`.
   *
   * @param data A string is sent as text; bytes and Blobs are sent as binary. Messages behind a Blob wait for it. Bytes are
   * copied.
   * @throws {DOMException} `InvalidStateError`: the connection is not open yet.
   * @throws {TypeError} The bytes lie on a SharedArrayBuffer, or on a buffer that can be resized.
   */
  send(data: string | ArrayBufferLike | ArrayBufferView | BlobLike): void;
  /**
   * Begins the closing handshake behind everything that was sent; no more messages are delivered. Before the connection is open,
   * connecting fails.
   *
   * @param code 1000, or 3000 to 4999. Default: none, which the peer sees as 1005; with a reason 1000.
   * @param reason At most 123 bytes of UTF-8. Default: none.
   * @throws {DOMException} `InvalidAccessError` for another code, `SyntaxError` for a longer reason.
   */
  close(code?: number, reason?: string): void;
  /** Adds a listener; the same listener is added only once. */
  addEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: SocketEventListener<WebSocketEventMap[Type]> | null,
    options?: boolean | SocketListenerOptions,
  ): void;
  /** Removes a listener. */
  removeEventListener<Type extends keyof WebSocketEventMap>(
    type: Type,
    listener: SocketEventListener<WebSocketEventMap[Type]> | null,
    options?: boolean | SocketListenerOptions,
  ): void;
  /** Calls the listeners with an event that the application has made. @returns false if a listener has canceled it. */
  dispatchEvent(event: RuntimeEvent): boolean;
}

/**
 * Options that the standard does not have: those of all clients' connections. `compression` is on by default, as in browsers;
 * `maxMessageSize` and `maxFrameSize` are 100 MiB, and `maxBufferedAmount` is 256 MiB.
 */
export type WebSocketOptions = Omit<
  ClientOptions,
  "protocols" | "context" | "borrow" | "newBytes" | "textAs" | "autoPong" | "deliverAfterClose"
>;

/** The class of WebSockets. */
export interface WebSocketClass {
  /** Its instances have these members. */
  readonly prototype: WebSocketInstance;
  /** 0: the connection is not open yet. */
  readonly CONNECTING: 0;
  /** 1: messages go both ways. */
  readonly OPEN: 1;
  /** 2: the connection is being closed. */
  readonly CLOSING: 2;
  /** 3: the connection is over, or never was open. */
  readonly CLOSED: 3;
  /**
   * Begins to connect. The event `open` tells that the connection is open; `error` and `close` tell that connecting has failed.
   *
   * @param url With the scheme ws or wss, or http or https, which mean the same.
   * @param protocols Subprotocols to offer, in order of preference. If the server chooses none of them, connecting fails.
   * @param options Options that the standard does not have, such as `headers`, `tls` and `proxy`.
   * @throws {DOMException} `SyntaxError`: the URL is invalid or has a fragment; a subprotocol is no token, or is given twice.
   * @throws {TypeError} An option is unknown or has a wrong type.
   */
  new (
    url: string | { readonly href: string },
    protocols?: string | readonly string[],
    options?: WebSocketOptions,
  ): WebSocketInstance;
}
