/**
 * Transports of sockets that other code has made, such as the socket of an `upgrade` event.
 *
 * @module
 */

import type { TcpOptions, Transport } from "../../src/transport.ts";
import { AcceptedTransport, adoptContext } from "./accept.ts";
import type { NodeSocket } from "./transport.ts";

/** A socket that other code has made. */
export interface ForeignSocket extends NodeSocket {
  /** Set to true: this side then ends by itself, behind its close frame. */
  allowHalfOpen: boolean;
  /** Called with 0, for no time-out. A stream that is not a socket has no such method. */
  setTimeout?(milliseconds: number): unknown;
}

/**
 * Makes a transport of a socket that other code has made, on Node, Deno and Bun: a socket of `node:net` or `node:tls`, or of an
 * `upgrade` event of `node:http`, on either side. From now on the socket neither times out nor ends by itself. If it has already
 * ended or closed, the transport tells so.
 *
 * @param socket The transport gets its events from now on: no other code may read it.
 * @param tcp Options of TCP to set. Default: `noDelay`.
 */
export function socketTransport(socket: ForeignSocket, tcp?: TcpOptions): Transport {
  adoptContext(socket);
  // Ends the time-out that `http.Server.timeout`, or an earlier owner, has set. Other time-outs of an HTTP server end with the
  // request.
  socket.setTimeout?.(0);
  socket.allowHalfOpen = true;
  return new AcceptedTransport(socket, tcp);
}
