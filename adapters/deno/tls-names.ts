/**
 * Options of TLS that Deno's own calls document.
 *
 * @module
 */

import { clientTls, serverTls, type TlsTable } from "../tls-options.ts";

/** What `Deno.connectTls` and `Deno.startTls` may be told; `rejectUnauthorized` changes nothing there. */
export const denoClientTls: TlsTable = clientTls([
  "alpnProtocols",
  "caCerts",
  "keyFormat",
  "unsafelyDisableHostnameVerification",
]);

/** What `Deno.listenTls` may be told. */
export const denoServerTls: TlsTable = serverTls(["alpnProtocols", "keyFormat"]);
