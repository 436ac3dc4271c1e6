/**
 * What a connection may be told, with its defaults.
 *
 * @module
 */

import {
  boolean,
  callback,
  either,
  milliseconds,
  number,
  numbersOf,
  objects,
  oneOf,
  optionsOf,
  type OptionTable,
} from "../check-options.ts";
import { type Deadlines, deadlinesOn } from "../clock.ts";
import type { Direction } from "../endpoint/endpoint.ts";
import {
  defaultMessageLimits,
  type MessageLimits,
  type PartialLimits,
  resolveLimits,
} from "../endpoint/limits.ts";
import type { Opcode } from "../frame/opcode.ts";
import { webText } from "../frame/text-codec.ts";
import type { Connection } from "./connection.ts";
import type { RuntimeServices } from "./runtime-services.ts";
import { type UnhandledErrors, unhandledErrorsKind } from "./unhandled-errors.ts";
import type { ConnectionSettings, FlowLimits, NewBytes, Overflow, Times } from "./settings.ts";
import type { Extension } from "../extension/extension.ts";
import type { Engine } from "../flate/engine.ts";
import {
  type CompressionOptions,
  compressionTable,
  PermessageDeflate,
} from "../flate/permessage-deflate.ts";

/** Options of a connection. For the numbers, 0 or Infinity means no limit. */
export interface ConnectionOptions extends PartialLimits<MessageLimits> {
  /** Unsent bytes up to which `send` resolves at once. Default: 256 KiB. */
  readonly highWaterMark?: number | undefined;
  /**
   * Unsent bytes that a connection may hold. With a message that would pass it, where others are still unsent,
   * `overflow` says what to do; it is rejected with `TOO_MUCH_BUFFERED`. Default: 16 MiB.
   */
  readonly maxBufferedAmount?: number | undefined;
  /**
   * What happens to a message that would pass `maxBufferedAmount`. "close": it is rejected, and the connection dropped.
   * "drop": it is rejected, and the connection lives on; a message in pieces is dropped whole, or, where a part of it has left,
   * ends the connection with 1011. "wait": it waits for room, and `send` resolves later; a caller that does not await it
   * has no limit. Default: "close".
   */
  readonly overflow?: Overflow | undefined;
  /**
   * Bytes of messages that wait: for a handler that is at work, or, where there is none, until they are asked for. Each counts
   * 64 bytes more than it has. From there on the peer is held back. Default: 64 KiB.
   */
  readonly receiveHighWaterMark?: number | undefined;
  /** Milliseconds between pings that keep the way to the peer open, and measure it. Default: none are sent. */
  readonly pingInterval?: number | undefined;
  /**
   * Milliseconds in which a frame has to come from the peer after a ping; then the connection is dropped with
   * `PONG_TIMEOUT`. Bytes on the way to one prolong it, and so do bytes that a peer takes which did not take them at once:
   * see `minProgress`. They are written up to 256 KiB at a time, so a slow peer needs as long as it takes to read those. While
   * this side does not read, a peer has all the time as long as it takes what is sent. Default: no limit.
   */
  readonly pongTimeout?: number | undefined;
  /**
   * Milliseconds without a message either way; then the connection is closed with 1001. Bytes of one that is not complete
   * prolong it: see `minProgress`. Default: no limit.
   */
  readonly idleTimeout?: number | undefined;
  /**
   * Bytes a second below which progress is none: each byte on its way to a whole frame or message counts as life for
   * 1000 / `minProgress` milliseconds, for `pongTimeout` and for `idleTimeout`. With 0 or Infinity each counts fully: a peer
   * that sends a byte a minute may live as long as it likes. Default: 240.
   */
  readonly minProgress?: number | undefined;
  /** Milliseconds that a connection may be open; then it is closed with 1001. Default: no limit. */
  readonly maxLifetime?: number | undefined;
  /**
   * Is told of each frame, control frames included, for debugging: one that comes before it is checked, one that goes
   * when it is gathered. What it throws is dropped.
   */
  readonly trace?: ((ws: Connection, frame: TracedFrame) => void) | undefined;
  /** Milliseconds for the closing handshake; then the connection is dropped. Default: 10 000. */
  readonly closeTimeout?: number | undefined;
  /**
   * Delivers messages that come after this side's own `close()` until the peer's close frame, which they were sent in front of:
   * an application that sends a question and closes still gets the answer. Where too much of them is unread the peer is held back, and its close
   * frame with it, for `closeTimeout` at the most. Default: false, they are dropped.
   */
  readonly deliverAfterClose?: boolean | undefined;
  /**
   * Answers each ping with a pong. Where not, that is for the `ping` handler to do, by `ws.pong`; a peer that waits for it may close
   * the connection. Default: true.
   */
  readonly autoPong?: boolean | undefined;
  /** Refuses data frames whose length is not minimally encoded. Default: false. */
  readonly strictLength?: boolean | undefined;
  /**
   * Hands bytes of messages to `message` as they lie, valid until it returns, rather than copies. Default: false.
   */
  readonly borrow?: boolean | undefined;
  /**
   * What the `message` handler gets of a text: a string, or its UTF-8 as bytes, which is checked all the same; its third argument says
   * that it is text. Text of `stream` handlers, and of those who ask for messages, is a string always. Default: "string".
   */
  readonly textAs?: "string" | "bytes" | undefined;
  /**
   * Makes the bytes of a message: a Buffer on Node, or memory of your own. Called once for each message of bytes that goes to a `message`
   * handler or to those who ask, in place of the library's own copy; not for pieces of streams. What it throws fails the
   * connection with 1011. Default: the library makes a Uint8Array.
   */
  readonly newBytes?: NewBytes | undefined;
  /**
   * Compresses messages where the peer can do so too (permessage-deflate, RFC 7692); `true` stands for the defaults of
   * {@link CompressionOptions}. Default: false.
   */
  readonly compression?: boolean | CompressionOptions | undefined;
  /**
   * What becomes of errors that the application's own code throws and no handler takes: neither `error`, nor `refused` on a server,
   * nor a caller that awaits. "print": they go to the console, each once, with the connection's address and path, 20 in a minute at the
   * most. "ignore": nothing. Or a function that is called with each. What a peer does wrong is none of them. Default: "print".
   */
  readonly unhandledErrors?: UnhandledErrors | undefined;
  /** Other extensions that are agreed to. Default: none. */
  readonly extensions?: readonly Extension[] | undefined;
}

/** A frame, as the option `trace` sees it. */
export interface TracedFrame {
  /** Which way it goes: "received" or "sent". */
  readonly direction: Direction;
  /** Whether it is the last one of its message. */
  readonly fin: boolean;
  /** Reserved bits: 4, 2, 1 for RSV1, RSV2, RSV3. */
  readonly rsv: number;
  /** What it is: text, binary, continuation, close, ping, pong, or a reserved one. */
  readonly opcode: Opcode;
  /** Whether its payload is masked on the wire. */
  readonly masked: boolean;
  /** Bytes of its payload. */
  readonly length: number;
}

/** {@link ConnectionOptions} with nothing left open. */
export interface LinkSettings extends ConnectionSettings {
  readonly trace: ((ws: Connection, frame: TracedFrame) => void) | undefined;
}

/** The limits in force where none are given. */
export const defaultFlowLimits: FlowLimits = {
  highWaterMark: 256 * 1024,
  maxBufferedAmount: 16 * 1024 ** 2,
  receiveHighWaterMark: 64 * 1024,
  closeTimeout: 10_000,
};

const defaultTimes: Times = {
  pingInterval: Infinity,
  pongTimeout: Infinity,
  idleTimeout: Infinity,
  maxLifetime: Infinity,
  // What IIS (minBytesPerSecond) and Kestrel (MinRequestBodyDataRate) ask of a request.
  minProgress: 240,
};

const overflows: readonly Overflow[] = ["close", "drop", "wait"];

/** Those options that may be different for each path of a server. */
export type PathOptions = Omit<ConnectionOptions, "unhandledErrors">;

/** What those may be. */
export const pathTable: OptionTable<PathOptions> =
  /* @__PURE__ */ ((): OptionTable<PathOptions> => ({
    ...numbersOf(defaultMessageLimits),
    ...numbersOf(defaultFlowLimits),
    overflow: oneOf(...overflows),
    pingInterval: milliseconds,
    pongTimeout: milliseconds,
    idleTimeout: milliseconds,
    maxLifetime: milliseconds,
    closeTimeout: milliseconds,
    minProgress: number,
    trace: callback,
    strictLength: boolean,
    borrow: boolean,
    deliverAfterClose: boolean,
    autoPong: boolean,
    textAs: oneOf("string", "bytes"),
    newBytes: callback,
    compression: either(boolean, optionsOf(compressionTable)),
    extensions: objects,
  }))();

/** What the options may be. */
export const connectionTable: OptionTable<ConnectionOptions> =
  /* @__PURE__ */ ((): OptionTable<ConnectionOptions> => ({
    ...pathTable,
    unhandledErrors: unhandledErrorsKind,
  }))();

function withTimer(task: () => void): void {
  setTimeout(task, 0);
}

/**
 * Fills in defaults.
 *
 * @throws {RangeError} A number is not a whole number from 0 on, or Infinity.
 * @throws {TypeError} Bytes are to be lent, and to be made anew.
 */
export function resolveConnectionOptions(
  options: ConnectionOptions,
  { ownBufferSize = 0, afterTurn = withTimer, codec = webText }: RuntimeServices = {},
): LinkSettings {
  if (options.borrow === true && options.newBytes !== undefined) {
    throw new TypeError("Either borrow or newBytes: what is lent is not made anew");
  }
  return {
    overflow: options.overflow ?? "close",
    trace: options.trace,
    times: resolveLimits<Times>(options, defaultTimes),
    ...resolveLimits<FlowLimits>(options, defaultFlowLimits),
    messages: resolveLimits<MessageLimits>(options, defaultMessageLimits),
    strictLength: options.strictLength ?? false,
    borrow: options.borrow ?? false,
    deliverAfterClose: options.deliverAfterClose ?? false,
    autoPong: options.autoPong ?? true,
    textAs: options.textAs ?? "string",
    newBytes: options.newBytes,
    ownBufferSize,
    afterTurn,
    codec,
  };
}

/** What clients compress with where they are told no more than to do so: one budget of memory for all of them. */
const ofClients: WeakMap<Engine, readonly Extension[]> = /* @__PURE__ */ new WeakMap();

/**
 * Gives the extensions that a client's connection may use. @throws As {@link resolveExtensions}.
 */
export function resolveClientExtensions(
  options: ConnectionOptions,
  engine: Engine | undefined,
  deadlines: Deadlines,
): readonly Extension[] {
  const { compression, extensions = [] } = options;
  if (compression !== true || engine === undefined) {
    return resolveExtensions(options, engine, deadlines);
  }
  let own = ofClients.get(engine);
  if (own === undefined) {
    own = resolveExtensions({ compression }, engine, deadlinesOn());
    ofClients.set(engine, own);
  }
  return [...own, ...extensions];
}

/**
 * Gives the extensions that connections may use.
 *
 * @param engine What compresses where the options name nothing else.
 * @throws {TypeError} Compression is wanted, and there is no engine.
 * @throws {RangeError} An option of compression is out of its range.
 */
export function resolveExtensions(
  { compression = false, extensions = [] }: ConnectionOptions,
  engine: Engine | undefined,
  deadlines: Deadlines,
): readonly Extension[] {
  if (compression === false) return extensions;
  const options = compression === true ? {} : compression;
  return [
    new PermessageDeflate({ deadlines, ...options, engine: options.engine ?? engine }),
    ...extensions,
  ];
}
