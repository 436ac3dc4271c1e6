/**
 * The body of this side's close frame, checked before anything happens (RFC 6455, 5.5.1 and 7.4).
 *
 * @module
 */

import { wrongValue } from "../arguments.ts";
import { checkCloseFrameData } from "../frame/check.ts";
import { newCloseFrameBody } from "../frame/close.ts";
import type { StatusCode } from "../status.ts";

/**
 * Makes the body of a close frame that this side sends.
 *
 * @param status A code that may be sent, or 0 for none.
 * @param reason Cut to 123 bytes.
 * @throws {RangeError} The status may not be sent.
 * @throws {TypeError} The reason is no string.
 */
export function newOwnCloseBody(status: StatusCode, reason: string): Uint8Array {
  try {
    if (status !== 0) checkCloseFrameData(status);
  } catch {
    throw wrongValue("status", "sendable", status);
  }
  return newCloseFrameBody(status, reason);
}
