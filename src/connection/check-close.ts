/**
 * What a caller says of a close, found wrong before anything has happened.
 *
 * @module
 */

import { checkMilliseconds } from "../arguments.ts";
import { encodeUtf8 } from "../bytes.ts";
import { MaxReasonSize } from "../frame/close.ts";
import { isStatusSendable, type StatusCode } from "../status.ts";

/**
 * Checks what a connection, or all of a server's, are to be closed with.
 *
 * @param deadline Milliseconds for the closing handshake; undefined for the default.
 * @throws {RangeError} A status that may not be sent, a reason of more than 123 bytes, a deadline that is NaN or below 0.
 * @throws {TypeError} The reason is no string, or the deadline no number.
 */
export function checkClose(status: StatusCode, reason: string, deadline?: number): void {
  if (!isStatusSendable(status)) {
    throw new RangeError(`Status code may not be sent: ${String(status)}`);
  }
  checkReason(reason);
  checkMilliseconds("deadline", deadline);
}

/**
 * Checks a reason: what a close frame has room for beside the status (RFC 6455, 5.5.1).
 *
 * @throws {RangeError} More than 123 bytes of UTF-8.
 * @throws {TypeError} No string.
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
