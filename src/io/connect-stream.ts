/**
 * Connects to a server, and gives the connection as a stream.
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
 * Connects to a server. Adapters wrap this function as their own `connectStream`.
 *
 * @throws {TransportError} `REFUSED`, `NOT_FOUND`, `TLS_FAILED`, `ACCESS_DENIED`, `RESET`, `FAILED`
 * @throws {TypeError} An option is unknown or has a wrong type; or no option says where to connect to.
 * @throws {RangeError} The port is not a whole number from 1 to 65535.
 * @throws The signal's reason, if it is aborted.
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
