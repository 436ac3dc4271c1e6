/**
 * Who has asked for a connection, behind the proxies that a server trusts.
 *
 * @module
 */

import { checkOptions, type OptionTable } from "../../check-options.ts";
import { HandshakeError } from "../../errors.ts";
import type { Head } from "../../http/head.ts";
import { socketAddress } from "../../ip-address.ts";
import type { TransportFacts } from "../../transport.ts";
import type { Proxied } from "../proxy-protocol/proxied.ts";
import {
  allProxyHeaders,
  type ForwardedHop,
  type ProxyHeader,
  proxyHeadersKind,
  readForwarded,
  readXForwarded,
} from "./forwarded.ts";
import {
  type IsTrusted,
  type TrustedProxies,
  trustedProxiesKind,
  trustOf,
} from "./trusted-proxies.ts";

/** Who is at the other end: the client itself, as far as trusted proxies tell of it; without them who is at the socket. */
export interface Peer {
  /** IP address; undefined over a Unix socket, and where a trusted proxy hides it or does not know it. */
  readonly address: string | undefined;
  /** Port; undefined where nobody tells. */
  readonly port: number | undefined;
  /** Whether the client itself came by TLS (https, wss). */
  readonly encrypted: boolean;
  /** The host that the client asked for, with a port where it is not the scheme's own; "" on a client. */
  readonly host: string;
  /** What a TCP balancer says of the connection, by the PROXY protocol; undefined where that is not spoken. */
  readonly proxied: Proxied | undefined;
}

/** Whom a server believes about its clients. */
export interface PeerOptions {
  /** Proxies that are believed. Default: none. */
  readonly trustProxy?: TrustedProxies | undefined;
  /** Headers that they tell of their clients by; a proxy passes on the others as a client has sent them. Default: all of them. */
  readonly proxyHeaders?: readonly ProxyHeader[] | undefined;
}

/**
 * Gives who is connected, before any header is believed.
 *
 * @param proxied What a trusted balancer says of the connection. Default: there is none.
 */
export function directPeer(facts: Partial<TransportFacts>, host: string, proxied?: Proxied): Peer {
  const encrypted = facts.encrypted === true || proxied?.tls !== undefined;
  const source = proxied?.source;
  if (source === undefined) {
    const { remoteAddress, remotePort } = facts;
    return { address: socketAddress(remoteAddress), port: remotePort, encrypted, host, proxied };
  }
  const { port } = source;
  // Who has come to the balancer by a Unix socket has no port, and its path is no IP address.
  const address = port === undefined ? undefined : source.address;
  return { address, port, encrypted, host, proxied };
}

const peerTable: OptionTable<PeerOptions> = {
  trustProxy: trustedProxiesKind,
  proxyHeaders: proxyHeadersKind,
};

/**
 * Finds the client of each request behind the proxies that are trusted. `serve` has one where it has `trustProxy`; an `Upgrader` or
 * an `HttpUpgrader` is given one.
 *
 * @example
 * import { PeerFinder } from "framewire";
 * import { Upgrader } from "framewire/handshake";
 *
 * const peers = new PeerFinder({ trustProxy: ["10.0.0.0/8"] });
 * const upgrader = new Upgrader({
 *   peers,
 *   onPeer({ address }) {
 *     if (address === undefined || banned.has(address)) throw rejectConnection({ status: 403 });
 *   },
 * });
 */
export class PeerFinder {
  readonly #isTrusted: IsTrusted;
  readonly #headers: readonly ProxyHeader[];
  readonly #isFunction: boolean;

  /**
   * Makes a finder; one serves any number of requests.
   *
   * @param options Whom to believe. Default: nobody.
   * @throws {TypeError} A trusted address is none; an option is not known, or of a wrong type.
   */
  constructor(options: PeerOptions = {}) {
    checkOptions(options, peerTable);
    const { trustProxy = 0, proxyHeaders = allProxyHeaders } = options;
    this.#isTrusted = trustOf(trustProxy);
    this.#headers = proxyHeaders;
    this.#isFunction = typeof trustProxy === "function";
  }

  /** Tells whether who is at a socket may turn out to be a proxy. A function is not asked, and may say so of anybody. */
  mayBeProxy(remoteAddress: string | undefined): boolean {
    return this.#isFunction || this.#isTrusted(remoteAddress, 0);
  }

  /**
   * Gives the client of a request. What strangers say is not looked at.
   *
   * @param head A request that was checked.
   * @param facts Of the connection that it came on: `remoteAddress`, `remotePort`, `encrypted`. Without an address it is a Unix
   * socket's.
   * @param proxied What a trusted balancer says of that connection.
   * @throws {HandshakeError} `BAD_FORWARDED`: what a trusted proxy says is malformed, or says two things.
   */
  find(head: Head, facts: Partial<TransportFacts>, proxied?: Proxied): Peer {
    const direct = directPeer(facts, head.get("host") ?? "", proxied);
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
      proxied,
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
