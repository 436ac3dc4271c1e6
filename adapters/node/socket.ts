/**
 * A socket that somebody else has made, such as that of an `upgrade` event.
 *
 * @module
 */

import type { TcpOptions, Transport } from "../../src/transport.ts";
import { AcceptedTransport, adoptContext } from "./accept.ts";
import type { NodeSocket } from "./transport.ts";

/** A socket that somebody else has made. */
export interface ForeignSocket extends NodeSocket {
  /** Set to true: this side ends by itself, behind its close frame. */
  allowHalfOpen: boolean;
  /** Set to 0, for none. A stream that is not a socket has none. */
  setTimeout?(milliseconds: number): unknown;
}

/**
 * Makes a transport of a socket that somebody else has made, on Node, Deno and Bun: of `node:net`, `node:tls`, or of an `upgrade` event of
 * `node:http`, on either side. From now on it neither times out nor ends by itself; one that has ended or is gone by now tells so.
 *
 * @param socket Its events go to the transport from now on: nobody else may read it.
 * @param tcp What it is told of TCP. Default: `noDelay`.
 */
export function socketTransport(socket: ForeignSocket, tcp?: TcpOptions): Transport {
  adoptContext(socket);
  // Ends the time-out that `http.Server.timeout`, or an earlier owner, has set. An HTTP server's other times end with the request.
  socket.setTimeout?.(0);
  socket.allowHalfOpen = true;
  return new AcceptedTransport(socket, tcp);
}
