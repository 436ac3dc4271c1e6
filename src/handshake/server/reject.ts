/**
 * How a hook says no.
 *
 * @module
 */

import { HandshakeError, type HandshakeErrorOptions } from "../../errors.ts";
import { type GivenHeaders, toHeaderPairs } from "../../http/headers.ts";
import { checkReply } from "./response.ts";

/** How a connection is refused. */
export interface RejectionOptions extends Omit<HandshakeErrorOptions, "headers"> {
  /** Headers to send beside those that every refusal carries. */
  readonly headers?: GivenHeaders;
}

/**
 * Makes the error that refuses a connection when a hook throws it.
 *
 * @example
 * upgrade(request) {
 *   if (request.origin !== "https://example.org") throw rejectConnection({ status: 403, message: "Wrong origin" });
 * }
 *
 * @param options `status` (an integer from 300 to 599, default 403), `message`, `headers`, `body`; the peer gets to see
 * them all.
 * @throws {RangeError} `status` is a number that no refusal has: 2xx says that the request was granted.
 * @throws {TypeError} `status` is no number; a header may not be sent, or is written by the server itself; `message` is no
 * string, or `body` neither a string nor a Uint8Array.
 * @see gobwas RejectConnectionError
 */
export function rejectConnection(options: RejectionOptions = {}): HandshakeError {
  const { status, message, headers: given = [], body = "" } = options;
  const headers = toHeaderPairs(given);
  if (status !== undefined) checkStatus(status);
  if (message !== undefined && typeof message !== "string") {
    throw new TypeError(`message must be a string: ${String(message)}`);
  }
  checkReply(headers, body);
  return new HandshakeError("REJECTED", { ...options, headers });
}

function checkStatus(status: unknown): void {
  if (typeof status !== "number") {
    throw new TypeError(`status must be a number: ${typeof status} ${JSON.stringify(status)}`);
  }
  if (!(Number.isInteger(status) && status >= 300 && status <= 599)) {
    throw new RangeError(`status of a refusal must be an integer from 300 to 599: ${status}`);
  }
}
