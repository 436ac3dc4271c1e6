/**
 * What the connection level takes from a runtime beside its sockets. Types only.
 *
 * @module
 */

import type { Closure, HandshakeError } from "../errors.ts";
import type { Engine } from "../flate/engine.ts";
import type { TextCodec } from "../frame/text-codec.ts";
import type { BackplaneEvent } from "./backplane/status.ts";
import type { Connection } from "./connection.ts";

/** Watches all connections of a process, such as for diagnostics. What it throws is not caught: it must not. */
export interface Observer {
  /** A connection is open. */
  opened(ws: Connection): void;
  /** Something went wrong with it. */
  failed(ws: Connection, error: unknown): void;
  /** It is over. */
  closed(ws: Connection, closure: Closure): void;
  /** A handshake came to nothing. */
  refused(error: HandshakeError, remoteAddress: string | undefined): void;
  /** Something has happened to a server's backplane. */
  backplane?(event: BackplaneEvent): void;
}

/**
 * Calls a task in the context in which it was made: what `AsyncLocalStorage` gives there is what it gives in the task. What the task
 * throws is thrown.
 */
export type InContext = (task: () => void) => void;

/** A runtime, as far as it is no socket. */
export interface RuntimeServices {
  /** What compresses, where options name nothing else. */
  readonly engine?: Engine | undefined;
  /** Who watches all connections. Default: nobody. */
  readonly observer?: Observer | undefined;
  /** Gives a variable of the environment. */
  readonly environment?: ((name: string) => string | undefined) | undefined;
  /**
   * Bytes up to which an ArrayBuffer of its own costs a message less than a share in one (message-memory.ts). Default: 0.
   */
  readonly ownBufferSize?: number | undefined;
  /** What turns messages of text into bytes and back. Default: the Web's `TextEncoder` and `TextDecoder`. */
  readonly codec?: TextCodec | undefined;
  /**
   * Calls a task once what the event loop has at hand is done, microtasks included, as `setImmediate` does. Default: a timer
   * without delay.
   */
  readonly afterTurn?: ((task: () => void) => void) | undefined;
  /**
   * Gives what a `Response` was made of, text or bytes, where nobody has begun to read it; undefined for what comes piece by piece,
   * and where that cannot be told. Default: it is read as a stream.
   */
  readonly bodyOf?: ((response: object) => string | Uint8Array | undefined) | undefined;
  /**
   * Gives the Content-Type of a body that has come whole, where its `Response` has none because the runtime does not note there
   * that it was made of text. Default: the runtime notes it.
   */
  readonly typeOf?: ((body: Uint8Array) => string | undefined) | undefined;
  /**
   * Keeps the context of the call, that of `serve` or `connect`: what comes of timers that connections share, and of what somebody
   * else has sent, is handled in it. Default: it is handled in whichever it comes.
   */
  readonly bindContext?: (() => InContext) | undefined;
}
