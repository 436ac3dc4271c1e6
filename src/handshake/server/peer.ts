/**
 * Who has asked for a connection, behind the proxies that a server trusts.
 *
 * @module
 */

import { HandshakeError } from "../../errors.ts";
import type { Head } from "../../http/head.ts";
import { socketAddress } from "../../ip-address.ts";
import type { TransportFacts } from "../../transport.ts";
import {
  allProxyHeaders,
  type ForwardedHop,
  type ProxyHeader,
  readForwarded,
  readXForwarded,
} from "./forwarded.ts";
import { type IsTrusted, type TrustedProxies, trustOf } from "./trusted-proxies.ts";

/** Who is at the other end: the client itself, as far as trusted proxies tell of it; without them who is at the socket. */
export interface Peer {
  /** IP address; undefined over a Unix socket, and where a trusted proxy hides it or does not know it. */
  readonly address: string | undefined;
  /** Port; undefined where nobody tells. */
  readonly port: number | undefined;
  /** Whether the client itself came by TLS (https, wss). */
  readonly encrypted: boolean;
  /** The host that the client asked for, with a port where it is not the scheme's own; undefined on a client. */
  readonly host: string | undefined;
}

/** Whom a server believes about its clients. */
export interface PeerOptions {
  /** Default: nobody. */
  readonly trustProxy?: TrustedProxies | undefined;
  /** Default: all of them. */
  readonly proxyHeaders?: readonly ProxyHeader[] | undefined;
}

/** Gives who is at the socket, for whom nobody has to be believed. */
export function directPeer(facts: Partial<TransportFacts>, host: string | undefined): Peer {
  return {
    address: socketAddress(facts.remoteAddress),
    port: facts.remotePort,
    encrypted: facts.encrypted === true,
    host,
  };
}

/** Finds the client of each request behind the proxies that are trusted. */
export class PeerFinder {
  readonly #isTrusted: IsTrusted;
  readonly #headers: readonly ProxyHeader[];

  /** @throws {TypeError} A trusted address is none. */
  constructor({ trustProxy = 0, proxyHeaders = allProxyHeaders }: PeerOptions) {
    this.#isTrusted = trustOf(trustProxy);
    this.#headers = proxyHeaders;
  }

  /**
   * Gives the client of a request. What strangers say is not looked at.
   *
   * @param head A request that was checked.
   * @param facts Of the connection that it came on.
   * @throws {HandshakeError} `BAD_FORWARDED`: what a trusted proxy says is malformed, or says two things.
   */
  find(head: Head, facts: Partial<TransportFacts>): Peer {
    const direct = directPeer(facts, head.value(head.find("host")));
    if (!this.#isTrusted(direct.address, 0)) return direct;
    const byStandard = this.#headers.includes("forwarded")
      ? readForwarded(head, this.#isTrusted)
      : undefined;
    const byCustom = readXForwarded(head, this.#isTrusted, this.#headers);
    checkAgreement(byStandard, byCustom);
    const node = byStandard?.node ?? byCustom?.node ?? direct;
    return {
      address: node.address,
      port: node.port,
      encrypted: byStandard?.encrypted ?? byCustom?.encrypted ?? direct.encrypted,
      host: byStandard?.host ?? byCustom?.host ?? direct.host,
    };
  }
}

/**
 * Refuses two headers that disagree. A proxy that writes one of them passes the other on as a client has sent it: which of the
 * two it is cannot be told from here.
 */
function checkAgreement(one: ForwardedHop | undefined, other: ForwardedHop | undefined): void {
  if (one === undefined || other === undefined) return;
  const agrees =
    isSame(one.encrypted, other.encrypted) &&
    isSame(one.host?.toLowerCase(), other.host?.toLowerCase()) &&
    (one.node === undefined ||
      other.node === undefined ||
      (one.node.address === other.node.address && isSame(one.node.port, other.node.port)));
  if (agrees) return;
  throw new HandshakeError("BAD_FORWARDED", {
    message: "Forwarded and X-Forwarded-* of a proxy contradict each other",
  });
}

function isSame<Value>(one: Value | undefined, other: Value | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}
