/**
 * Finds the client of a connection behind the proxies that a server trusts.
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

/** The peer of a connection: the client itself, as far as trusted proxies name it; otherwise the other end of the socket. */
export interface Peer {
  /** IP address; undefined over a Unix socket, and if a trusted proxy hides it or does not know it. */
  readonly address: string | undefined;
  /** Port; undefined if it is unknown. */
  readonly port: number | undefined;
  /** Whether the client itself uses TLS (https, wss). */
  readonly encrypted: boolean;
  /** The host that the client asked for, with a port if it is not the scheme's default; "" on a client. */
  readonly host: string;
  /** The PROXY header of a TCP balancer; undefined without the PROXY protocol. */
  readonly proxied: Proxied | undefined;
}

/** Which proxies a server trusts to name its clients. */
export interface PeerOptions {
  /** The trusted proxies. Default: none. */
  readonly trustProxy?: TrustedProxies | undefined;
  /**
   * The headers by which these proxies name their clients. A proxy passes on other headers as the client has sent them. Default:
   * all.
   */
  readonly proxyHeaders?: readonly ProxyHeader[] | undefined;
}

/**
 * Gives the peer before any header is read.
 *
 * @param proxied The PROXY header of a trusted balancer. Default: none.
 */
export function directPeer(facts: Partial<TransportFacts>, host: string, proxied?: Proxied): Peer {
  const encrypted = facts.encrypted === true || proxied?.tls !== undefined;
  const source = proxied?.source;
  if (source === undefined) {
    const { remoteAddress, remotePort } = facts;
    return { address: socketAddress(remoteAddress), port: remotePort, encrypted, host, proxied };
  }
  const { port } = source;
  // A client that has connected to the balancer by a Unix socket has no port, and a path instead of an IP address.
  const address = port === undefined ? undefined : source.address;
  return { address, port, encrypted, host, proxied };
}

const peerTable: OptionTable<PeerOptions> = {
  trustProxy: trustedProxiesKind,
  proxyHeaders: proxyHeadersKind,
};

/**
 * Finds the client of each request behind trusted proxies. `serve` makes one if it has the option `trustProxy`. An `Upgrader` or
 * `HttpUpgrader` gets one as an option.
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
   * Makes a finder, for any number of requests.
   *
   * @param options The trusted proxies. Default: none.
   * @throws {TypeError} A trusted address is malformed; an option is unknown, or of a wrong type.
   */
  constructor(options: PeerOptions = {}) {
    checkOptions(options, peerTable);
    const { trustProxy = 0, proxyHeaders = allProxyHeaders } = options;
    this.#isTrusted = trustOf(trustProxy);
    this.#headers = proxyHeaders;
    this.#isFunction = typeof trustProxy === "function";
  }

  /**
   * Tells whether the other end of a socket may be a proxy. If the option is a function, the answer is always yes.
   *
   * @internal For the server, which must know before a head has come.
   */
  mayBeProxy(remoteAddress: string | undefined): boolean {
    return this.#isFunction || this.#isTrusted(remoteAddress, 0);
  }

  /**
   * Gives the client of a request. The headers of untrusted peers are ignored.
   *
   * @param head A checked request.
   * @param facts Of its connection: `remoteAddress`, `remotePort`, `encrypted`. Without an address it counts as a Unix socket.
   * @param proxied The PROXY header of a trusted balancer on that connection.
   * @throws {HandshakeError} `BAD_FORWARDED`: a trusted proxy's headers are malformed, or contradict each other.
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
 * Refuses two headers that contradict each other. A proxy that writes one of them passes the other on as a client has sent it,
 * and the server cannot know which is which.
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
