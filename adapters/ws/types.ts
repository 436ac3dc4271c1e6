/**
 * What `framewire/ws` shares of types with those that `@types/ws` declares, so that programs written against those compile.
 *
 * @module
 */

import type { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";

/** What a `message` listener gets: a Buffer, or what `binaryType` asks for where the message is binary. */
export type RawData = Buffer | ArrayBuffer | Buffer[];

/** What `event.data` is: text as a string, binary as `binaryType` says. */
export type Data = string | Buffer | ArrayBuffer | Buffer[];

/** An object that `Buffer.from` asks for what it stands for. */
export interface ConvertibleToBytes {
  /** Gives it. */
  valueOf(): ArrayBuffer | SharedArrayBuffer | Uint8Array | readonly unknown[] | string;
}

/** An object that `Buffer.from` asks for the text that it stands for. */
export interface ConvertibleToText {
  /** Gives it. */
  [Symbol.toPrimitive](hint: string): string;
}

/** What `send`, `ping` and `pong` take: beside these whatever `Buffer.from` does. */
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

/** How binary messages are given out. */
export type BinaryType = "nodebuffer" | "arraybuffer" | "fragments" | "blob";

/** How a message is sent. */
export interface SendOptions {
  /** Ignored: a client masks, and a server does not (RFC 6455, 5.1). */
  mask?: boolean | undefined;
  /** Whether it is binary. Default: whether `data` is no string. */
  binary?: boolean | undefined;
  /** Whether it may be compressed. Default: true. */
  compress?: boolean | undefined;
  /** Whether the message ends with it; where not, the next `send` goes on with it. Default: true. */
  fin?: boolean | undefined;
}

/** Is called when a message was handed to the operating system, or with the error for which it was not. */
export type SendCallback = (error?: Error) => void;

/** The same, for `ping` and `pong`: as `@types/ws` declares it, too, where the error is never absent. */
export type ControlCallback = SendCallback | ((error: Error) => void);

/** Events of a connection, with what their listeners get. */
export interface SocketEvents {
  /** The connection is open. */
  open: [];
  /** A message has come. */
  message: [data: RawData, isBinary: boolean];
  /** A ping has come; it is answered already, unless `autoPong` is false. */
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
  /** The server has answered with something else; with a listener the request is the listener's to end. */
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
  /** Takes a listener away. */
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

/** A listener of whatever event. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- as EventEmitter's own declaration has it
export type AnyListener<Emitter> = (this: Emitter, ...values: any[]) => void;
