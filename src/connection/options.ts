/**
 * The options of a connection, and their defaults.
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
  /** Number of unsent bytes up to which `send` resolves at once. Default: 256 KiB. */
  readonly highWaterMark?: number | undefined;
  /**
   * Most unsent bytes that a connection may hold. A message that would exceed the limit while other messages are unsent is
   * treated as `overflow` says; a rejection has the code `TOO_MUCH_BUFFERED`. Default: 16 MiB.
   */
  readonly maxBufferedAmount?: number | undefined;
  /**
   * What happens to a message that would exceed `maxBufferedAmount`. "close": the message is rejected, and the connection is
   * dropped. "drop": the message is rejected, and the connection stays open. A message in pieces is dropped whole; if a piece has
   * already left, the connection ends with 1011. "wait": the message waits for room, and `send` resolves later; a caller that
   * does not await `send` then has no limit. Default: "close".
   */
  readonly overflow?: Overflow | undefined;
  /**
   * Bytes of received messages that may wait until a handler is free, or, without a handler, until they are asked for. Each
   * message counts 64 bytes more than its length. Beyond this limit framewire stops reading from the peer. Default: 64 KiB.
   */
  readonly receiveHighWaterMark?: number | undefined;
  /** Milliseconds between pings, which keep the connection alive and measure the round trip. Default: no pings. */
  readonly pingInterval?: number | undefined;
  /**
   * Milliseconds after a ping in which a frame of the peer must arrive. Otherwise the connection is dropped with `PONG_TIMEOUT`.
   * Bytes of an incomplete frame extend this time, and so do bytes that a slow peer takes after a delay: see `minProgress`. Bytes
   * are written in blocks of up to 256 KiB, so the time must be long enough for a slow peer to read one block. While this side
   * does not read, a peer that takes what is sent has no limit. Default: no limit.
   */
  readonly pongTimeout?: number | undefined;
  /**
   * Milliseconds without a message in either direction. Then the connection is closed with 1001. Bytes of an incomplete message
   * extend this time: see `minProgress`. Default: no limit.
   */
  readonly idleTimeout?: number | undefined;
  /**
   * Bytes a second that count as progress. Each byte of an incomplete frame or message extends `pongTimeout` and `idleTimeout` by
   * 1000 / `minProgress` milliseconds. With 0 or Infinity each byte extends them fully, so a peer that sends one byte a minute
   * can stay for ever. Default: 240.
   */
  readonly minProgress?: number | undefined;
  /** Milliseconds that a connection may be open. Then it is closed with 1001. Default: no limit. */
  readonly maxLifetime?: number | undefined;
  /**
   * Called with each frame, including control frames, for debugging. A received frame is traced before it is checked, a sent
   * frame when it is put into the output. An error that this function throws has no effect on the connection.
   */
  readonly trace?: ((ws: Connection, frame: TracedFrame) => void) | undefined;
  /** Milliseconds for the closing handshake. Then the connection is dropped. Default: 10 000. */
  readonly closeTimeout?: number | undefined;
  /**
   * Delivers messages that arrive after this side's own `close()` and before the peer's close frame. So an application can send a
   * question, close, and still get the answer. If too many of them are unread, framewire stops reading from the peer; then the
   * peer's close frame waits too, for at most `closeTimeout`. Default: false, such messages are dropped.
   */
  readonly deliverAfterClose?: boolean | undefined;
  /**
   * Answers each ping with a pong. If false, your `ping` handler must answer with `ws.pong`. A peer that gets no pong may close
   * the connection. Default: true.
   */
  readonly autoPong?: boolean | undefined;
  /** Refuses data frames whose length is not minimally encoded. Default: false. */
  readonly strictLength?: boolean | undefined;
  /**
   * Gives bytes to the `message` handler without a copy: they are valid until the handler returns. Default: false.
   */
  readonly borrow?: boolean | undefined;
  /**
   * The type of a text message in the `message` handler: a string, or its UTF-8 as bytes, which are also checked. The handler's
   * third argument says that the message is text. A `stream` handler, `receive` and loops always get text as a string. Default:
   * "string".
   */
  readonly textAs?: "string" | "bytes" | undefined;
  /**
   * Makes the bytes of a message, for example as a Buffer on Node, or in memory of your own. framewire calls it instead of making
   * its own copy, once for each message of bytes that a `message` handler, `receive` or a loop gets; it does not call it for
   * pieces of streams. An error that it throws fails the connection with 1011. Default: framewire makes a Uint8Array.
   */
  readonly newBytes?: NewBytes | undefined;
  /**
   * Compresses messages if the peer also supports it (permessage-deflate, RFC 7692). `true` stands for the defaults of
   * {@link CompressionOptions}. Default: false.
   */
  readonly compression?: boolean | CompressionOptions | undefined;
  /**
   * What happens to errors of the application's own code that nothing catches: no `error` handler, no `refused` handler of a
   * server, no awaiting caller. "print": prints each error once to the console, with the connection's address and path, at most
   * 20 in a minute. "ignore": does nothing. A function: is called with each error. Errors that a peer causes do not count.
   * Default: "print".
   */
  readonly unhandledErrors?: UnhandledErrors | undefined;
  /** Other extensions that the connection may use. Default: none. */
  readonly extensions?: readonly Extension[] | undefined;
}

/** A frame, as the option `trace` gets it. */
export interface TracedFrame {
  /** Direction of the frame. */
  readonly direction: Direction;
  /** Whether it is the last frame of its message. */
  readonly fin: boolean;
  /** Reserved bits: 4, 2, 1 stand for RSV1, RSV2, RSV3. */
  readonly rsv: number;
  /** Type of the frame: text, binary, continuation, close, ping, pong, or a reserved opcode. */
  readonly opcode: Opcode;
  /** Whether the payload is masked on the wire. */
  readonly masked: boolean;
  /** Length of the payload, in bytes. */
  readonly length: number;
}

/** {@link ConnectionOptions} with all defaults filled in. */
export interface LinkSettings extends ConnectionSettings {
  readonly trace: ((ws: Connection, frame: TracedFrame) => void) | undefined;
}

/** The defaults of these limits. */
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
  // IIS (minBytesPerSecond) and Kestrel (MinRequestBodyDataRate) demand as much of a request.
  minProgress: 240,
};

const overflows: readonly Overflow[] = ["close", "drop", "wait"];

/** The options that each path of a server may set for itself. */
export type PathOptions = Omit<ConnectionOptions, "unhandledErrors">;

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

export const connectionTable: OptionTable<ConnectionOptions> =
  /* @__PURE__ */ ((): OptionTable<ConnectionOptions> => ({
    ...pathTable,
    unhandledErrors: unhandledErrorsKind,
  }))();

function withTimer(task: () => void): void {
  setTimeout(task, 0);
}

/**
 * Fills in the defaults.
 *
 * @throws {RangeError} A number is neither a whole number from 0 on nor Infinity.
 * @throws {TypeError} Both `borrow` and `newBytes` are given.
 */
export function resolveConnectionOptions(
  options: ConnectionOptions,
  { ownBufferSize = 0, afterTurn = withTimer, codec = webText }: RuntimeServices = {},
): LinkSettings {
  if (options.borrow === true && options.newBytes !== undefined) {
    throw new TypeError(
      "Use either borrow or newBytes: borrowed bytes are not copied, so newBytes would not be called",
    );
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

/** The extensions of clients with `compression: true`, by engine: all these clients share one memory budget. */
const clientExtensions: WeakMap<Engine, readonly Extension[]> = /* @__PURE__ */ new WeakMap();

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
  let own = clientExtensions.get(engine);
  if (own === undefined) {
    own = resolveExtensions({ compression }, engine, deadlinesOn());
    clientExtensions.set(engine, own);
  }
  return [...own, ...extensions];
}

/**
 * Gives the extensions that connections may use.
 *
 * @param engine The DEFLATE engine to use if the options name none.
 * @throws {TypeError} The options ask for compression, and there is no engine.
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
