/**
 * Options of TLS that Bun's own calls document (`Bun.TLSOptions`).
 *
 * @module
 */

import { clientTls, serverTls, type TlsTable } from "../tls-options.ts";

const names = [
  "ALPNProtocols",
  "ciphers",
  "clientRenegotiationLimit",
  "clientRenegotiationWindow",
  "crl",
  "dhParamsFile",
  "lowMemoryMode",
  "passphrase",
  "requestCert",
  "secureOptions",
];

/** The options that `Bun.connect` knows; framewire itself calls `checkServerIdentity`, which Bun does not know. */
export const bunClientTls: TlsTable = clientTls([...names, "checkServerIdentity"]);

/** The options that `Bun.listen` knows. */
export const bunServerTls: TlsTable = serverTls([...names, "serverName", "servername"]);
