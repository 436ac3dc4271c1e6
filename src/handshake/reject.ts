/**
 * How a hook says no.
 *
 * @module
 */

import { HandshakeError, type HandshakeErrorOptions } from "../errors.ts";

/**
 * Makes the error that refuses a connection when a hook throws it.
 *
 * @example
 * upgrade(request) {
 *   if (request.origin !== "https://example.org") throw rejectConnection({ status: 403, message: "Wrong origin" });
 * }
 *
 * @param options `status` (200 to 599, default 403), `message`, `headers`, `body`; the peer gets to see them all.
 * @see gobwas RejectConnectionError
 */
export function rejectConnection(options: HandshakeErrorOptions = {}): HandshakeError {
  return new HandshakeError("REJECTED", options);
}
