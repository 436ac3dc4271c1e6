/**
 * Options of TLS: checks whether a runtime knows them, and gives them in the form of its calls.
 *
 * Each adapter has tables with the names that its runtime documents. A name that is in no table is a mistake, as a rule, and a
 * certificate that is silently ignored is noticed much later. Names that the tables do not have yet can be given in
 * `runtimeOptions`.
 * @module
 */

import {
  anything,
  boolean,
  checkOptions,
  type Kind,
  milliseconds,
  object,
  text,
} from "../src/check-options.ts";
import type { ConnectOptions, ServerTlsOptions, TlsOptions } from "../src/transport.ts";

/** The names that one call of a runtime knows, with their types. */
export type TlsTable = Readonly<Record<string, Kind>>;

const runtimeOptions = object("an object of options for the runtime");

/** The options of all clients. */
const clientTable: TlsTable = {
  serverName: text,
  ca: anything,
  cert: anything,
  key: anything,
  rejectUnauthorized: boolean,
  runtimeOptions,
};

/** The options of all servers, though a runtime may refuse some. */
const serverTable: TlsTable = {
  cert: anything,
  key: anything,
  ca: anything,
  requestCert: boolean,
  rejectUnauthorized: boolean,
  handshakeTimeout: milliseconds,
  runtimeOptions,
};

/** Makes the table of a runtime's clients. @param own Options that other runtimes do not have. */
export function clientTls(own: readonly string[]): TlsTable {
  return { ...Object.fromEntries(own.map((name) => [name, anything])), ...clientTable };
}

/** Makes the table of a runtime's servers. @param own As for {@link clientTls}. */
export function serverTls(own: readonly string[]): TlsTable {
  return { ...Object.fromEntries(own.map((name) => [name, anything])), ...serverTable };
}

/**
 * Checks options of TLS.
 *
 * @returns The options, with those of `runtimeOptions` added.
 * @throws {TypeError} A name is unknown, or a value has a wrong type.
 */
export function checkedTls<Options extends TlsOptions | ServerTlsOptions>(
  options: Options,
  table: TlsTable,
): Options {
  checkOptions(options, table, { what: "TLS option" });
  const { runtimeOptions: unchecked } = options;
  return unchecked === undefined ? options : { ...options, ...unchecked };
}

/** Checks the options of TLS in the options of connecting. As {@link checkedTls}. */
export function withCheckedTls<Options extends Pick<ConnectOptions, "tls" | "tunnelTls">>(
  options: Options,
  table: TlsTable,
): Options {
  const { tls, tunnelTls } = options;
  if (tls === undefined && tunnelTls === undefined) return options;
  return {
    ...options,
    tls: tls && checkedTls(tls, table),
    tunnelTls: tunnelTls && checkedTls(tunnelTls, table),
  };
}
