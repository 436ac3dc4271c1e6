/**
 * The errors of a browser's client, under the names and with the codes of all others; but for those few the classes of the core bring
 * the texts of every code with them, which a page does not need.
 *
 * @module
 */

/** A limit was passed. */
export class LimitError extends Error {
  /** The class's own name. */
  override readonly name = "LimitError";
  /** The limit that was passed. */
  readonly code = "TOO_MUCH_BUFFERED";
  /** The limit in force. */
  readonly limit: number;
  /** What was met: the first value known to be above `limit`. */
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
  /** Which one it was. */
  readonly code: "DIAL_TIMEOUT" | "RECEIVE_TIMEOUT" | "CLOSE_TIMEOUT";
  /** The time-out, in milliseconds. */
  readonly limit: number;

  /** Makes the error of a code. */
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

  /** Makes the error of a code. */
  constructor(code: TransportError["code"]) {
    super(`${code}: browsers do not say why`);
    this.code = code;
  }
}
