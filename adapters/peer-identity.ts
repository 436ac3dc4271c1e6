/**
 * Whom a TLS handshake must be with: the name that is asked for, and the check of the certificate that is shown.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import process from "node:process";
import { checkServerIdentity, type PeerCertificate as NodeCertificate } from "node:tls";
import { parseAddress } from "../src/ip-address.ts";
import type { PeerCertificate, TlsOptions } from "../src/transport.ts";

/** Somebody's own check, under Node's name for it. */
type CheckIdentity = (name: string, certificate: NodeCertificate) => Error | undefined;

/** Gives the name or address that the peer's certificate must be for: names have no dot at their end (RFC 6066, 3). */
export function peerName({ serverName }: TlsOptions, hostname: string): string {
  const name = serverName ?? hostname;
  return name.endsWith(".") ? name.slice(0, -1) : name;
}

/** Gives what is sent as SNI: "Literal IPv4 and IPv6 addresses are not permitted" (RFC 6066, 3); then undefined. */
export function sniOf(name: string): string | undefined {
  return isIP(name) === 0 ? name : undefined;
}

/** Tells whether a peer that is not trusted has to be refused; Node's variable counts where the options say nothing. */
export function demandsTrust({ rejectUnauthorized }: TlsOptions): boolean {
  if (rejectUnauthorized !== undefined) return rejectUnauthorized !== false;
  return process.env["NODE_TLS_REJECT_UNAUTHORIZED"] !== "0";
}

/**
 * Checks that a certificate is for a name or an address, by Node's rules. Node 22.23.3 takes an IPv6 address for a name, and
 * refuses certificates that are for it: where such an address is refused, the certificate itself is asked.
 *
 * @param check The runtime's check.
 * @returns What is wrong; undefined for nothing.
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
 * Checks that a certificate is for `name`. Whether it is to be trusted is for the runtime to say.
 *
 * @param shown undefined where the runtime has none to show: what cannot be checked is an error.
 * @returns What is wrong; undefined for nothing.
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
