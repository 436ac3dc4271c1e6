/**
 * Checks the arguments of `close`.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { MaxReasonSize } from "../../src/frame/close.ts";
import { isStatusSendable, StatusNoStatusRcvd } from "../../src/status.ts";

/**
 * Gives the status and the reason of a close frame; 1005 stands for an empty close frame.
 *
 * @throws {TypeError} The code may not be sent; or the reason is neither text nor bytes.
 */
export function closeArguments(
  code: unknown,
  data: unknown,
): { readonly status: number; readonly reason: string } {
  if (code === undefined) return { status: StatusNoStatusRcvd, reason: "" };
  if (typeof code !== "number" || !isStatusSendable(code)) {
    throw new TypeError("First argument must be a valid error code number");
  }
  if (data === undefined || data === "") return { status: code, reason: "" };
  if (typeof data !== "string" && !(data instanceof Uint8Array)) {
    throw new TypeError("Second argument must be a string or a Uint8Array");
  }
  const bytes = Buffer.from(data as string);
  if (bytes.length > MaxReasonSize) {
    throw new RangeError("The message must not be greater than 123 bytes");
  }
  return { status: code, reason: bytes.toString() };
}
