/**
 * A connection to a server, as a stream.
 *
 * @module
 */

import {
  callback,
  checkOptions,
  milliseconds,
  number,
  deadlines,
  object,
  type OptionTable,
  signal,
  text,
} from "../check-options.ts";
import type { Connect, ConnectOptions } from "../transport.ts";
import { tcpTable } from "./stream-listener.ts";
import { TransportStream, type TransportStreamOptions } from "./transport-stream.ts";

/** Options of {@link connectStreamOn}. */
export interface StreamConnectOptions extends ConnectOptions, TransportStreamOptions {}

const streamConnectTable: OptionTable<StreamConnectOptions> =
  /* @__PURE__ */ ((): OptionTable<StreamConnectOptions> => ({
    ...tcpTable,
    hostname: text,
    port: number,
    path: text,
    tunnel: callback,
    tunnelTls: object("an object such as { ca }"),
    tls: object("an object such as { ca }"),
    signal,
    highWaterMark: number,
    lingerTimeout: milliseconds,
    deadlines,
  }))();

/**
 * Connects. Adapters wrap it as their own `connectStream`.
 *
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws {TypeError} An option is not known, or of a wrong type.
 * @throws The signal's reason, where it is aborted.
 */
export async function connectStreamOn(
  connect: Connect,
  options: StreamConnectOptions,
): Promise<TransportStream> {
  checkOptions(options, streamConnectTable);
  return connect(options, (transport) => new TransportStream(transport, options));
}
