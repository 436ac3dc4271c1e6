/**
 * Options of TLS that `node:tls` documents. The code is checked against Node's types: a name that is forgotten here does not
 * compile.
 *
 * Options of the socket below TLS are left out: that socket is made elsewhere.
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

/** Node's types list options of servers among those of clients; `requestOCSP` is documented, but not in the types. */
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

/** The options that `tls.connect` knows. */
export const nodeClientTls: TlsTable = clientTls([
  ...Object.keys(ofContexts),
  ...Object.keys(ofClients),
]);

/** The options that `tls.createServer` knows. */
export const nodeServerTls: TlsTable = serverTls([
  ...Object.keys(ofContexts),
  ...Object.keys(ofServers),
]);
