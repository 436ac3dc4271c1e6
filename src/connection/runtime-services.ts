/**
 * Functions that the connection level takes from a runtime, apart from its sockets. Types only.
 *
 * @module
 */

import type { Closure, HandshakeError } from "../errors.ts";
import type { Engine } from "../flate/engine.ts";
import type { TextCodec } from "../frame/text-codec.ts";
import type { BackplaneEvent } from "./backplane/status.ts";
import type { Connection } from "./connection.ts";

/**
 * Observes all connections of a process, for example for diagnostics. Its methods must not throw: their errors are not caught.
 */
export interface Observer {
  /** A connection is open. */
  opened(ws: Connection): void;
  /** A connection has an error. */
  failed(ws: Connection, error: unknown): void;
  /** A connection is over. */
  closed(ws: Connection, closure: Closure): void;
  /** A handshake has failed or was refused. */
  refused(error: HandshakeError, remoteAddress: string | undefined): void;
  /** A server's backplane has changed its state. */
  backplane?(event: BackplaneEvent): void;
}

/**
 * Calls a task in the async context in which this function was made: `AsyncLocalStorage` gives the same values in the task as
 * there. An error of the task is thrown on.
 */
export type InContext = (task: () => void) => void;

/** The functions of a runtime. */
export interface RuntimeServices {
  /** The DEFLATE engine to use if the options name none. */
  readonly engine?: Engine | undefined;
  /** Observes all connections. Default: none. */
  readonly observer?: Observer | undefined;
  /** Gives a variable of the environment. */
  readonly environment?: ((name: string) => string | undefined) | undefined;
  /**
   * Size in bytes up to which a message is cheaper in an ArrayBuffer of its own than in a shared one (message-memory.ts).
   * Default: 0.
   */
  readonly ownBufferSize?: number | undefined;
  /** Encodes and decodes text. Default: the Web's `TextEncoder` and `TextDecoder`. */
  readonly codec?: TextCodec | undefined;
  /**
   * Calls a task after the current turn of the event loop, including its microtasks, as `setImmediate` does. Default: a timer
   * without delay.
   */
  readonly afterTurn?: ((task: () => void) => void) | undefined;
  /**
   * Gives the text or the bytes from which a `Response` was made, if nobody has begun to read it. Gives undefined for a stream,
   * and if the runtime does not tell. Default: every body is read as a stream.
   */
  readonly bodyOf?: ((response: object) => string | Uint8Array | undefined) | undefined;
  /**
   * Gives the Content-Type of a whole body whose `Response` has none because the runtime does not note that it was made from
   * text. Default: the runtime notes it.
   */
  readonly typeOf?: ((body: Uint8Array) => string | undefined) | undefined;
  /**
   * Gives the value of a promise that is fulfilled already; undefined for any other. Default: all promises are awaited.
   */
  readonly valueNow?: (<Value>(promise: Promise<Value>) => Value | undefined) | undefined;
  /**
   * Keeps the async context of the current call of `serve` or `connect`. Events of shared timers and of other connections are
   * handled in it. Default: they are handled in whatever context they occur.
   */
  readonly bindContext?: (() => InContext) | undefined;
}
