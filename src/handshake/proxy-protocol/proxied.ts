/**
 * What a balancer says of a connection that it passes on. Types, and the error of what is malformed.
 *
 * @module
 */

/** One end of a connection. */
export interface ProxiedAddress {
  /** IP address, or the path of a Unix socket. */
  readonly address: string;
  /** Undefined of a Unix socket. */
  readonly port: number | undefined;
}

/** What a balancer knows of the TLS that it has ended (proxy-protocol.txt, 2.2.6). */
export interface ProxiedTls {
  /** Such as "TLSv1.3"; undefined where the balancer does not tell. */
  readonly version: string | undefined;
  /** Name of the cipher, likewise. */
  readonly cipher: string | undefined;
  /** Whether the client has shown a certificate, on this connection or in the TLS session that it goes on with. */
  readonly hasCertificate: boolean;
  /** Whether that certificate was verified. */
  readonly authorized: boolean;
  /** Common Name of the certificate's subject, UTF-8; undefined where the balancer does not tell. */
  readonly commonName: string | undefined;
}

/** A piece that the parser does not know, as it came. */
export interface ProxiedField {
  /** Such as 0xEA for those of Amazon's balancers. */
  readonly type: number;
  /** Yours. */
  readonly value: Uint8Array;
}

/** What one header of the PROXY protocol says. */
export interface Proxied {
  /** Version of the header. */
  readonly version: 1 | 2;
  /** Who has connected to the balancer; undefined where that has connected by itself (LOCAL) or does not tell. */
  readonly source: ProxiedAddress | undefined;
  /** Where the balancer was connected to, likewise. */
  readonly destination: ProxiedAddress | undefined;
  /** What was agreed on by ALPN; undefined for nothing, as all that follows. */
  readonly alpn: string | undefined;
  /** The host that the client asked for: by SNI, as a rule. */
  readonly authority: string | undefined;
  /** Up to 128 bytes by which balancers name the connection. */
  readonly uniqueId: Uint8Array | undefined;
  /** Undefined where the client has come without TLS, and where the balancer does not tell. */
  readonly tls: ProxiedTls | undefined;
  /** Network namespace, of Linux. */
  readonly namespace: string | undefined;
  /** All else. */
  readonly fields: readonly ProxiedField[];
}

/** What a header without more than addresses says. */
export function plainProxied(
  version: 1 | 2,
  source?: ProxiedAddress,
  destination?: ProxiedAddress,
): Proxied {
  return {
    version,
    source,
    destination,
    alpn: undefined,
    authority: undefined,
    uniqueId: undefined,
    tls: undefined,
    namespace: undefined,
    fields: [],
  };
}
