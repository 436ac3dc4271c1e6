/**
 * The errors of a browser's client, with the names and codes of those of other clients. They are separate classes, since the
 * core's classes contain the texts of all codes, which a page does not need.
 *
 * @module
 */

/** A limit was exceeded. */
export class LimitError extends Error {
  /** The class's own name. */
  override readonly name = "LimitError";
  /** Which limit was exceeded. */
  readonly code = "TOO_MUCH_BUFFERED";
  /** The limit in force. */
  readonly limit: number;
  /** The first value known to be above `limit`. */
  readonly actual: number;

  /** Makes the error of a limit. */
  constructor(limit: number, actual: number) {
    super(`Buffered: ${actual}, above ${limit}`);
    this.limit = limit;
    this.actual = actual;
  }
}

/** Something took longer than a time-out allows. */
export class TimeoutError extends Error {
  /** The class's own name. */
  override readonly name = "TimeoutError";
  /** Which time-out it was. */
  readonly code: "DIAL_TIMEOUT" | "RECEIVE_TIMEOUT" | "CLOSE_TIMEOUT";
  /** The time-out, in milliseconds. */
  readonly limit: number;

  /** Makes the error for a code. */
  constructor(code: TimeoutError["code"], limit: number) {
    super(`${code} after ${limit} ms`);
    this.code = code;
    this.limit = limit;
  }
}

/** The network failed, or the server refused: a browser does not say which. */
export class TransportError extends Error {
  /** The class's own name. */
  override readonly name = "TransportError";
  /** `FAILED` for an attempt, `UNEXPECTED_END` for a connection. */
  readonly code: "FAILED" | "UNEXPECTED_END";

  /** Makes the error for a code. */
  constructor(code: TransportError["code"]) {
    super(`${code}: browsers do not say why`);
    this.code = code;
  }
}
