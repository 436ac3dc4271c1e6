/**
 * What `close` is called with.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { StatusNoStatusRcvd } from "../../src/status.ts";

/** Bytes that are left for a reason in a close frame (RFC 6455, 5.5). */
const longestReason = 123;

function maySend(code: number): boolean {
  if (code >= 3000 && code <= 4999) return true;
  return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
}

/**
 * Gives the status and the reason of a close frame; 1005 stands for an empty one.
 *
 * @throws {TypeError} The code may not be sent; the reason is neither text nor bytes.
 * @throws {RangeError} The reason is too long.
 */
export function closeArguments(
  code: unknown,
  data: unknown,
): { readonly status: number; readonly reason: string } {
  if (code === undefined) return { status: StatusNoStatusRcvd, reason: "" };
  if (typeof code !== "number" || !maySend(code)) {
    throw new TypeError("First argument must be a valid error code number");
  }
  if (data === undefined || data === "") return { status: code, reason: "" };
  if (typeof data !== "string" && !(data instanceof Uint8Array)) {
    throw new TypeError("Second argument must be a string or a Uint8Array");
  }
  const bytes = Buffer.from(data as string);
  if (bytes.length > longestReason) {
    throw new RangeError("The message must not be greater than 123 bytes");
  }
  return { status: code, reason: bytes.toString() };
}
