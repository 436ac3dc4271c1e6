/**
 * Options of TLS that `node:tls` documents: its own types tell which those are, and one that is forgotten here does not compile.
 *
 * Left out are those of the socket below, which is made elsewhere.
 *
 * @module
 */

import type { ServerOpts } from "node:net";
import type { ConnectionOptions, SecureContextOptions, TlsOptions } from "node:tls";
import { clientTls, serverTls, type TlsTable } from "../tls-options.ts";

type NamesOf<Options> = Readonly<Record<keyof Options, true>>;

const ofContexts: NamesOf<SecureContextOptions> = {
  ALPNCallback: true,
  allowPartialTrustChain: true,
  ca: true,
  cert: true,
  ciphers: true,
  clientCertEngine: true,
  crl: true,
  dhparam: true,
  ecdhCurve: true,
  honorCipherOrder: true,
  key: true,
  maxVersion: true,
  minVersion: true,
  passphrase: true,
  pfx: true,
  privateKeyEngine: true,
  privateKeyIdentifier: true,
  secureOptions: true,
  secureProtocol: true,
  sessionIdContext: true,
  sessionTimeout: true,
  sigalgs: true,
  ticketKeys: true,
};

const ofServers: NamesOf<Omit<TlsOptions, keyof ServerOpts | keyof SecureContextOptions>> = {
  ALPNProtocols: true,
  SNICallback: true,
  enableTrace: true,
  handshakeTimeout: true,
  pskCallback: true,
  pskIdentityHint: true,
  rejectUnauthorized: true,
  requestCert: true,
  secureContext: true,
};

type OfTheSocket = "host" | "port" | "path" | "socket" | "lookup" | "timeout";

/** Those of a server alone stand among the types of clients, too: `requestOCSP` is documented, and does not. */
const ofClients: NamesOf<
  Omit<ConnectionOptions, OfTheSocket | keyof SecureContextOptions> & { requestOCSP: unknown }
> = {
  ALPNProtocols: true,
  SNICallback: true,
  checkServerIdentity: true,
  enableTrace: true,
  minDHSize: true,
  pskCallback: true,
  rejectUnauthorized: true,
  requestCert: true,
  requestOCSP: true,
  secureContext: true,
  servername: true,
  session: true,
};

/** What `tls.connect` may be told. */
export const nodeClientTls: TlsTable = clientTls([
  ...Object.keys(ofContexts),
  ...Object.keys(ofClients),
]);

/** What `tls.createServer` may be told. */
export const nodeServerTls: TlsTable = serverTls([
  ...Object.keys(ofContexts),
  ...Object.keys(ofServers),
]);
