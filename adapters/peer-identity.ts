/**
 * The identity of a TLS peer: the name that the client expects, and the check of the peer's certificate against it.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import process from "node:process";
import { checkServerIdentity, type PeerCertificate as NodeCertificate } from "node:tls";
import { parseAddress } from "../src/ip-address.ts";
import type { PeerCertificate, TlsOptions } from "../src/transport.ts";

/** The application's own check, with the type that Node gives it. */
type CheckIdentity = (name: string, certificate: NodeCertificate) => Error | undefined;

/** Gives the name or address that the peer's certificate must contain. A name has no dot at its end (RFC 6066, 3). */
export function peerName({ serverName }: TlsOptions, hostname: string): string {
  const name = serverName ?? hostname;
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** Gives the name for SNI; undefined for an address: "Literal IPv4 and IPv6 addresses are not permitted" (RFC 6066, 3). */
export function sniOf(name: string): string | undefined {
  return isIP(name) === 0 ? name : undefined;
}

/** Tells whether an untrusted peer must be refused. If the options do not say, Node's environment variable decides. */
export function demandsTrust({ rejectUnauthorized }: TlsOptions): boolean {
  if (rejectUnauthorized !== undefined) return rejectUnauthorized !== false;
  return process.env["NODE_TLS_REJECT_UNAUTHORIZED"] !== "0";
}

/**
 * Checks that a certificate is for a name or an address, by Node's rules. Node 22.23.3 takes an IPv6 address for a name, and
 * refuses certificates for it: after such a refusal the certificate object itself is asked.
 *
 * @param check The runtime's check.
 * @returns The error; undefined if there is none.
 */
export function nameError(
  name: string,
  certificate: NodeCertificate,
  check: CheckIdentity = checkServerIdentity,
): Error | undefined {
  const wrong = check(name, certificate);
  if (wrong === undefined || parseAddress(name)?.length !== 16) return wrong;
  const isFor = new X509Certificate(certificate.raw).checkIP(name) !== undefined;
  return isFor ? undefined : wrong;
}

/**
 * Checks that a certificate is for `name`. The runtime decides whether the certificate is trusted.
 *
 * @param shown undefined if the runtime gives no certificate. This is an error, since nothing can be checked.
 * @returns The error; undefined if there is none.
 */
export function identityError(
  { checkServerIdentity: own }: TlsOptions,
  name: string,
  shown: Partial<PeerCertificate> | null | undefined,
): Error | undefined {
  if (shown?.raw === undefined) {
    return new Error(
      `The certificate for ${name} cannot be checked: this runtime does not show it. Bun 1.4.5 or later does`,
    );
  }
  const check = typeof own === "function" ? (own as CheckIdentity) : nameError;
  return check(name, shown as unknown as NodeCertificate);
}
