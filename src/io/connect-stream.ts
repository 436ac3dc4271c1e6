/**
 * A connection to a server, as a stream.
 *
 * @module
 */

import { checkBetween } from "../arguments.ts";
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
 * @throws {TypeError} An option is not known, or of a wrong type; there is nowhere to connect to.
 * @throws {RangeError} The port is no whole number from 1 to 65535.
 * @throws The signal's reason, where it is aborted.
 */
export async function connectStreamOn(
  connect: Connect,
  options: StreamConnectOptions,
): Promise<TransportStream> {
  checkOptions(options, streamConnectTable, {
    example: 'connectStream({ hostname: "localhost", port: 8080 })',
  });
  const { hostname, port, path } = options;
  if (path === undefined) {
    if ((hostname as unknown) === undefined || (port as unknown) === undefined) {
      throw new TypeError("Give a hostname and a port to connect to, or the path of a Unix socket");
    }
    checkBetween("port", port, 1, 65_535);
  }
  return connect(options, (transport) => new TransportStream(transport, options));
}
