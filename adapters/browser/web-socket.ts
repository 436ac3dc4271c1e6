/**
 * What is used of a browser's WebSocket. Types only.
 *
 * @module
 */

/** An event of a {@link BrowserSocket}, with what is read of any of them. */
export interface BrowserEvent {
  /** Of `message`: a string, or an ArrayBuffer. */
  readonly data?: unknown;
  /** Of `close`: the status code. */
  readonly code?: number;
  /** Of `close`: the reason. */
  readonly reason?: string;
  /** Of `close`: whether close frames went both ways. */
  readonly wasClean?: boolean;
}

/** A browser's WebSocket (WHATWG WebSockets, 3). */
export interface BrowserSocket {
  /** "blob" or "arraybuffer". */
  binaryType: string;
  /** The URL that it was opened with. */
  readonly url: string;
  /** The subprotocol that was chosen, "" for none. */
  readonly protocol: string;
  /** The extensions that are in use. */
  readonly extensions: string;
  /** Bytes that it has not handed to the network. */
  readonly bufferedAmount: number;
  /** Sends a message. */
  send(data: unknown): void;
  /** Begins the closing handshake. */
  close(status?: number, reason?: string): void;
  /** Adds a listener. */
  addEventListener(type: string, listener: (event: BrowserEvent) => void): void;
  /** Takes a listener away. */
  removeEventListener(type: string, listener: (event: BrowserEvent) => void): void;
}

/** The class of a browser's WebSockets. */
export type BrowserSocketClass = new (url: string, protocols?: readonly string[]) => BrowserSocket;
