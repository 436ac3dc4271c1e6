/**
 * What took longer than a deadline allows.
 *
 * @module
 */

/** What took too long. */
export type TimeoutCode =
  | "HANDSHAKE_TIMEOUT"
  | "DIAL_TIMEOUT"
  | "RECEIVE_TIMEOUT"
  | "PONG_TIMEOUT"
  | "IDLE_TIMEOUT"
  | "MAX_LIFETIME"
  | "CLOSE_TIMEOUT"
  | "SHUTDOWN_TIMEOUT"
  | "HANDLER_TIMEOUT";

const timeouts: Record<TimeoutCode, string> = {
  HANDSHAKE_TIMEOUT: "Opening handshake took too long",
  DIAL_TIMEOUT: "Dialing took longer than timeout",
  RECEIVE_TIMEOUT: "No message came within timeout",
  PONG_TIMEOUT: "Ping was not answered within pongTimeout",
  IDLE_TIMEOUT: "No message went either way for idleTimeout",
  MAX_LIFETIME: "Connection was open for maxLifetime",
  CLOSE_TIMEOUT: "Closing handshake took longer than closeTimeout",
  SHUTDOWN_TIMEOUT: "Connection was still open at the deadline of shutdown",
  HANDLER_TIMEOUT:
    "Handler did not finish in time after its connection ended: the messages behind it were dropped",
};

/** Something took longer than a deadline allows. */
export class TimeoutError extends Error {
  /** The class's own name. */
  override readonly name = "TimeoutError";
  /** The deadline that passed. */
  readonly code: TimeoutCode;
  /** The deadline, in milliseconds. */
  readonly limit: number;

  /**
   * Makes the error for a code.
   *
   * @param limit The deadline, in milliseconds.
   */
  constructor(code: TimeoutCode, limit: number) {
    super(`${timeouts[code]}: ${limit} ms`);
    this.code = code;
    this.limit = limit;
  }
}
