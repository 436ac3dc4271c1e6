/**
 * Where a server of hooks listens, with the option names of `srvx`, whose servers h3 and Nitro run on.
 *
 * @module
 */

import process from "node:process";
import type { ListenOptions } from "../../src/transport.ts";

/** Options that say where to listen. */
export interface PortOptions {
  /** Port, 0 for a free one. Default: the environment variable PORT, or 3000. */
  readonly port?: number | string | undefined;
  /** Address or name. Default: the environment variable HOST, or all addresses. */
  readonly hostname?: string | undefined;
  /** Shares the port with other processes. Default: false. */
  readonly reusePort?: boolean | undefined;
  /** Certificate and key in PEM. Default: no TLS. */
  readonly tls?:
    | {
        /** The certificate chain. */
        readonly cert?: string | undefined;
        /** The private key. */
        readonly key?: string | undefined;
        /** The passphrase of the key. */
        readonly passphrase?: string | undefined;
      }
    | undefined;
}

const defaultPort = 3000;

/** Gives the core's options. @throws {RangeError} The port is invalid. */
export function listenOptionsOf(options: PortOptions): ListenOptions {
  const { hostname = process.env["HOST"], reusePort, tls } = options;
  const given = options.port ?? process.env["PORT"] ?? defaultPort;
  const port = typeof given === "string" ? Number.parseInt(given, 10) : given;
  if (!(port >= 0 && port <= 65_535)) {
    throw new RangeError(`port must be a number from 0 to 65535: ${given}`);
  }
  const { cert, key, passphrase } = tls ?? {};
  return {
    port,
    hostname,
    reusePort,
    ...(cert !== undefined &&
      key !== undefined && {
        tls: { cert, key, ...(passphrase !== undefined && { passphrase }) },
      }),
  };
}

/** Gives the URL of a server. */
export function urlOf(hostname: string, port: number, isEncrypted: boolean): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `http${isEncrypted ? "s" : ""}://${host}:${port}/`;
}
