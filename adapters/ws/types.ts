/**
 * Types that `framewire/ws` has in common with `@types/ws`, so that programs written for those compile.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";

/** The data that a `message` listener gets: a Buffer, or for binary messages what `binaryType` asks for. */
export type RawData = Buffer | ArrayBuffer | Buffer[];

/** The type of `event.data`: text as a string, binary in the form that `binaryType` asks for. */
export type Data = string | Buffer | ArrayBuffer | Buffer[];

/** An object that `Buffer.from` converts by its `valueOf`. */
export interface ConvertibleToBytes {
  /** Gives the value to convert. */
  valueOf(): ArrayBuffer | SharedArrayBuffer | Uint8Array | readonly unknown[] | string;
}

/** An object that `Buffer.from` converts to text. */
export interface ConvertibleToText {
  /** Gives the text. */
  [Symbol.toPrimitive](hint: string): string;
}

/** The data that `send`, `ping` and `pong` take; they also take everything else that `Buffer.from` takes. */
export type BufferLike =
  | string
  | number
  | ArrayBufferView
  | ArrayBuffer
  | SharedArrayBuffer
  | Blob
  | readonly unknown[]
  | ConvertibleToBytes
  | ConvertibleToText;

/** The form in which binary messages are delivered. */
export type BinaryType = "nodebuffer" | "arraybuffer" | "fragments" | "blob";

/** Options of `send`. */
export interface SendOptions {
  /** Ignored: a client masks, and a server does not (RFC 6455, 5.1). */
  mask?: boolean | undefined;
  /** Whether the message is binary. Default: true, unless `data` is a string. */
  binary?: boolean | undefined;
  /** Whether it may be compressed. Default: true. */
  compress?: boolean | undefined;
  /** Whether this is the last fragment of the message; with false, the next `send` continues the message. Default: true. */
  fin?: boolean | undefined;
}

/** Called when the operating system has taken a message, or with the error if it never will. */
export type SendCallback = (error?: Error) => void;

/** The callback of `ping` and `pong`. `@types/ws` declares the error as always present there. */
export type ControlCallback = SendCallback | ((error: Error) => void);

/** Events of a connection, with the values that listeners get. */
export interface SocketEvents {
  /** The connection is open. */
  open: [];
  /** A message has come. */
  message: [data: RawData, isBinary: boolean];
  /** A ping has come; its pong is already sent, unless `autoPong` is false. */
  ping: [data: Buffer];
  /** A pong has come. */
  pong: [data: Buffer];
  /** Something went wrong; `close` follows. */
  error: [error: Error];
  /** The connection is over: the last event. */
  close: [code: number, reason: Buffer];
  /** The server has switched protocols; its response is not checked yet. */
  upgrade: [response: IncomingMessage];
  /** A redirect is about to be followed. */
  redirect: [url: string, request: ClientRequest];
  /** The server has answered with another status; if there is a listener, the listener must end the request. */
  "unexpected-response": [request: ClientRequest, response: IncomingMessage];
}

/** An emitter whose listeners have types. */
export interface TypedEmitter<Events> extends EventEmitter {
  /** Adds a listener. */
  on<Name extends keyof Events & string>(event: Name, listener: Listener<this, Events[Name]>): this;
  on(event: string | symbol, listener: AnyListener<this>): this;
  /** Adds a listener that is called once. */
  once<Name extends keyof Events & string>(
    event: Name,
    listener: Listener<this, Events[Name]>,
  ): this;
  once(event: string | symbol, listener: AnyListener<this>): this;
  /** Removes a listener. */
  off<Name extends keyof Events & string>(
    event: Name,
    listener: Listener<this, Events[Name]>,
  ): this;
  off(event: string | symbol, listener: AnyListener<this>): this;
  /** As `on`. */
  addListener<Name extends keyof Events & string>(
    event: Name,
    listener: Listener<this, Events[Name]>,
  ): this;
  addListener(event: string | symbol, listener: AnyListener<this>): this;
  /** As `off`. */
  removeListener<Name extends keyof Events & string>(
    event: Name,
    listener: Listener<this, Events[Name]>,
  ): this;
  removeListener(event: string | symbol, listener: AnyListener<this>): this;
}

/** A listener of one event. */
export type Listener<Emitter, Values> = Values extends unknown[]
  ? (this: Emitter, ...values: Values) => void
  : never;

/** A listener of any event. */
// oxlint-disable-next-line typescript/no-explicit-any -- as in EventEmitter's own declaration
export type AnyListener<Emitter> = (this: Emitter, ...values: any[]) => void;
