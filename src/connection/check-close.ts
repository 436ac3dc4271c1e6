/**
 * Checks the arguments of a close before anything happens.
 *
 * @module
 */

import { checkMilliseconds } from "../arguments.ts";
import { encodeUtf8 } from "../bytes.ts";
import { MaxReasonSize } from "../frame/close.ts";
import { isStatusSendable, type StatusCode } from "../status.ts";

/**
 * Checks the arguments with which one connection, or all of a server, will be closed.
 *
 * @param deadline Milliseconds for the closing handshake; undefined for the default.
 * @throws {RangeError} The status may not be sent; the reason has more than 123 bytes; the deadline is NaN or below 0.
 * @throws {TypeError} The reason is not a string, or the deadline is not a number.
 */
export function checkClose(status: StatusCode, reason: string, deadline?: number): void {
  if (!isStatusSendable(status)) {
    throw new RangeError(`Status code may not be sent: ${String(status)}`);
  }
  checkReason(reason);
  checkMilliseconds("deadline", deadline);
}

/**
 * Checks a reason. It must fit into a close frame, beside the status (RFC 6455, 5.5.1).
 *
 * @throws {RangeError} It has more than 123 bytes of UTF-8.
 * @throws {TypeError} It is not a string.
 */
export function checkReason(reason: string): void {
  if (typeof reason !== "string") {
    throw new TypeError(`Reason must be a string: ${String(reason)}`);
  }
  const size = encodeUtf8(reason).length;
  if (size > MaxReasonSize) {
    throw new RangeError(`Reason must have at most ${MaxReasonSize} bytes: ${size}`);
  }
}
