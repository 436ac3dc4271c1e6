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

/** What `Bun.connect` may be told; `checkServerIdentity` is called here, since Bun itself does not know it. */
export const bunClientTls: TlsTable = clientTls([...names, "checkServerIdentity"]);

/** What `Bun.listen` may be told. */
export const bunServerTls: TlsTable = serverTls([...names, "serverName", "servername"]);
