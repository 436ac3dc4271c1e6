/**
 * The content of a PROXY header. Types, and the error for a malformed header.
 *
 * @module
 */

/** One end of a connection. */
export interface ProxiedAddress {
  /** IP address, or the path of a Unix socket. */
  readonly address: string;
  /** Port; undefined for a Unix socket. */
  readonly port: number | undefined;
}

/** What a balancer knows about the TLS connection that ends at the balancer (proxy-protocol.txt, 2.2.6). */
export interface ProxiedTls {
  /** The version of TLS, such as "TLSv1.3"; undefined if the balancer does not tell. */
  readonly version: string | undefined;
  /** Name of the cipher; undefined if the balancer does not tell. */
  readonly cipher: string | undefined;
  /** Whether the client has shown a certificate, on this connection or earlier in the same TLS session. */
  readonly hasCertificate: boolean;
  /** Whether that certificate was verified. */
  readonly authorized: boolean;
  /** Common Name of the certificate's subject, as UTF-8; undefined if the balancer does not tell. */
  readonly commonName: string | undefined;
}

/** A field that the parser does not know, with its bytes. */
export interface ProxiedField {
  /** Type of the field, such as 0xEA for the fields of Amazon's balancers. */
  readonly type: number;
  /** Bytes of the field; yours. */
  readonly value: Uint8Array;
}

/** The content of one PROXY header. */
export interface Proxied {
  /** Version of the header. */
  readonly version: 1 | 2;
  /** The client that has connected to the balancer; undefined if the balancer connects for itself (LOCAL), or does not tell. */
  readonly source: ProxiedAddress | undefined;
  /** The address to which the client has connected; undefined in the same cases. */
  readonly destination: ProxiedAddress | undefined;
  /** The protocol that ALPN chose; undefined if the balancer does not tell. */
  readonly alpn: string | undefined;
  /** The host that the client asked for, usually by SNI; undefined if the balancer does not tell. */
  readonly authority: string | undefined;
  /** A name that balancers give to the connection, up to 128 bytes; undefined if the balancer does not tell. */
  readonly uniqueId: Uint8Array | undefined;
  /** Facts about the client's TLS; undefined if the client does not use TLS, or the balancer does not tell. */
  readonly tls: ProxiedTls | undefined;
  /** Network namespace (Linux); undefined if the balancer does not tell. */
  readonly namespace: string | undefined;
  /** All other fields. */
  readonly fields: readonly ProxiedField[];
}

/** Gives the content of a header that has only addresses. */
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
