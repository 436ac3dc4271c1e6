/**
 * A connection to a server, as a stream.
 *
 * @module
 */

import type { Connect, ConnectOptions } from "../transport.ts";
import { TransportStream, type TransportStreamOptions } from "./transport-stream.ts";

/** Options of {@link connectStreamOn}. */
export interface StreamConnectOptions extends ConnectOptions, TransportStreamOptions {}

/**
 * Connects. Adapters wrap it as their own `connectStream`.
 *
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws The signal's reason, where it is aborted.
 */
export function connectStreamOn(
  connect: Connect,
  options: StreamConnectOptions,
): Promise<TransportStream> {
  return connect(options, (transport) => new TransportStream(transport, options));
}
