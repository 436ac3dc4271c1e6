/**
 * Options of TLS that Deno's own calls document.
 *
 * @module
 */

import { clientTls, serverTls, type TlsTable } from "../tls-options.ts";

/** The options that `Deno.connectTls` and `Deno.startTls` know; `rejectUnauthorized` has no effect there. */
export const denoClientTls: TlsTable = clientTls([
  "alpnProtocols",
  "caCerts",
  "keyFormat",
  "unsafelyDisableHostnameVerification",
]);

/** The options that `Deno.listenTls` knows. */
export const denoServerTls: TlsTable = serverTls(["alpnProtocols", "keyFormat"]);
