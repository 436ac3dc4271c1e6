/**
 * How a connection ended, and the error for those who use it afterwards.
 *
 * @module
 */

import type { StatusCode } from "../status.ts";

/** Which side began to end a connection: this side, the peer, or the network. */
export type Initiator = "local" | "peer" | "transport";

/** How a connection ended. */
export interface Closure {
  /** Status code: of the peer's close frame; 1005 if that frame has none; 1006 if no close frame came. */
  readonly status: StatusCode;
  /** The reason in the peer's close frame; "" if there is none. */
  readonly reason: string;
  /** Whether each side has sent a close frame (RFC 6455, 7.1.4). */
  readonly clean: boolean;
  /** Which side began to end the connection. */
  readonly initiator: Initiator;
  /** The error that ended the connection, or that a handler threw; undefined if there was none. */
  readonly error?: unknown;
}

/** The connection is closed or is closing: nothing can be sent any more. */
export class ClosedError extends Error {
  /** The class's own name. */
  override readonly name = "ClosedError";
  /** The one code of this class. */
  readonly code = "CLOSED";
  /** The status code, as in {@link Closure}. */
  readonly status: StatusCode;
  /** The reason, as in {@link Closure}. */
  readonly reason: string;
  /** Whether each side has sent a close frame (RFC 6455, 7.1.4). */
  readonly clean: boolean;
  /** Which side began to end the connection. */
  readonly initiator: Initiator;

  /**
   * Makes the error for a connection that has ended.
   *
   * @param closure How the connection ended. Its `error` becomes the `cause`.
   */
  constructor(closure: Closure) {
    const reason = closure.reason === "" ? "" : ` ${closure.reason}`;
    super(
      `Connection is closed: ${closure.status}${reason}`,
      closure.error === undefined ? undefined : { cause: closure.error },
    );
    this.status = closure.status;
    this.reason = closure.reason;
    this.clean = closure.clean;
    this.initiator = closure.initiator;
  }
}
