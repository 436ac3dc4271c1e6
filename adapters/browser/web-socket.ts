/**
 * The members of a browser's WebSocket that are used. Types only.
 *
 * @module
 */

/** An event of a {@link BrowserSocket}, with the members that are read. */
export interface BrowserEvent {
  /** For `message`: a string, or an ArrayBuffer. */
  readonly data?: unknown;
  /** For `close`: the status code. */
  readonly code?: number;
  /** For `close`: the reason. */
  readonly reason?: string;
  /** For `close`: whether close frames went both ways. */
  readonly wasClean?: boolean;
}

/** A browser's WebSocket (WHATWG WebSockets, 3). */
export interface BrowserSocket {
  /** "blob" or "arraybuffer". */
  binaryType: string;
  /** The URL that it was opened with. */
  readonly url: string;
  /** The chosen subprotocol; "" for none. */
  readonly protocol: string;
  /** The extensions that are in use. */
  readonly extensions: string;
  /** Bytes that the browser has not handed to the network. */
  readonly bufferedAmount: number;
  /** Sends a message. */
  send(data: unknown): void;
  /** Begins the closing handshake. */
  close(status?: number, reason?: string): void;
  /** Adds a listener. */
  addEventListener(type: string, listener: (event: BrowserEvent) => void): void;
  /** Removes a listener. */
  removeEventListener(type: string, listener: (event: BrowserEvent) => void): void;
}

/** The class of a browser's WebSockets. */
export type BrowserSocketClass = new (url: string, protocols?: readonly string[]) => BrowserSocket;
