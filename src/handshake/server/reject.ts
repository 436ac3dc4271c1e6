/**
 * The error by which a hook refuses a connection.
 *
 * @module
 */

import { HandshakeError, type HandshakeErrorOptions } from "../../errors.ts";
import { type GivenHeaders, toHeaderPairs } from "../../http/headers.ts";
import { checkReply } from "./response.ts";

/** How a connection is refused. */
export interface RejectionOptions extends Omit<HandshakeErrorOptions, "headers"> {
  /** Headers to send in addition to the headers that every refusal has. */
  readonly headers?: GivenHeaders;
}

/**
 * Makes the error that refuses a connection. Throw it in a hook.
 *
 * @example
 * upgrade(request) {
 *   if (request.origin !== "https://example.org") throw rejectConnection({ status: 403, message: "Wrong origin" });
 * }
 *
 * @param options `status` (an integer from 300 to 599, default 403), `message`, `headers`, `body`. The peer sees all of them.
 * @throws {RangeError} `status` is a number that is not allowed: 2xx would say that the request succeeded.
 * @throws {TypeError} `status` is not a number; a header may not be sent, or is written by the server itself; `message` is not a
 * string, or `body` is neither a string nor a Uint8Array.
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
