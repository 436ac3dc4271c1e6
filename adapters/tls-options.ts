/**
 * Options of TLS: whether a runtime knows them, and how they are put for its own calls.
 *
 * Each adapter has tables of the names that its runtime's calls document. A name that is in none of them is a mistake, as a rule: a
 * certificate that is left out in silence is missed much later. What the tables do not know yet goes by `runtimeOptions`.
 *
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

/** The names that one call of a runtime knows, with what each may be. */
export type TlsTable = Readonly<Record<string, Kind>>;

const runtimeOptions = object("an object of options for the runtime");

/** What every client knows. */
const clientTable: TlsTable = {
  serverName: text,
  ca: anything,
  cert: anything,
  key: anything,
  rejectUnauthorized: boolean,
  runtimeOptions,
};

/** What every server knows, though a runtime may refuse to do it. */
const serverTable: TlsTable = {
  cert: anything,
  key: anything,
  ca: anything,
  requestCert: boolean,
  rejectUnauthorized: boolean,
  handshakeTimeout: milliseconds,
  runtimeOptions,
};

/** Makes the table of a runtime's clients. @param own What they know beside what all do. */
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
 * @returns The options with those of `runtimeOptions` among them.
 * @throws {TypeError} A name is not known, or a value is of a wrong type.
 */
export function checkedTls<Options extends TlsOptions | ServerTlsOptions>(
  options: Options,
  table: TlsTable,
): Options {
  checkOptions(options, table, { what: "TLS option" });
  const { runtimeOptions: unchecked } = options;
  return unchecked === undefined ? options : { ...options, ...unchecked };
}

/** Checks the options of TLS among those of connecting. As {@link checkedTls}. */
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
