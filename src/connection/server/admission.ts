/**
 * Who a connection of a server comes from, and whether it is one too many: of all, or of its address.
 *
 * Without proxies the client is who is at the socket, and has its place before anything is read. Behind one it is known with the head of
 * a request, or with the header of the PROXY protocol, and each request of a proxy's connection may be another client's.
 *
 * @module
 */

import { HandshakeError, type LimitError } from "../../errors.ts";
import type { Proxied } from "../../handshake/proxy-protocol/proxied.ts";
import { ProxyHeaderParser } from "../../handshake/proxy-protocol/parser.ts";
import { directPeer, type Peer, type PeerFinder } from "../../handshake/server/peer.ts";
import type { Head } from "../../http/head.ts";
import { socketAddress } from "../../ip-address.ts";
import type { Transport } from "../../transport.ts";
import type { AddressBook, AddressPlace } from "./address-book.ts";
import type { HookFailureOwner } from "./hook-failure.ts";

/** What a server knows of addresses. */
export interface AdmissionOwner extends HookFailureOwner {
  /** Finds clients behind proxies; undefined where none is trusted. */
  readonly peers: PeerFinder | undefined;
  /** Counts what comes from each address; undefined where there is no limit. */
  readonly addresses: AddressBook | undefined;
  /** Tells whether who is at the socket has to speak the PROXY protocol. */
  isBalancer(remoteAddress: string | undefined): boolean;
}

/** The client of one connection, and its place among those of its address. */
export class Admission {
  /** Of the header that a balancer sends first; undefined where none is expected. */
  readonly proxyHeader: ProxyHeaderParser | undefined;
  readonly #owner: AdmissionOwner;
  readonly #transport: Transport;
  /** Whether a proxy may be at the socket: then each request tells its own address. */
  readonly #hasProxy: boolean;
  #excess: LimitError | HandshakeError | undefined;
  #place: AddressPlace | undefined;
  #peer: Peer | undefined;

  /** @param excess Why the connection is one too many of all. */
  constructor(transport: Transport, owner: AdmissionOwner, excess: LimitError | undefined) {
    const address = socketAddress(transport.remoteAddress);
    const isProxied = owner.isBalancer(address);
    this.proxyHeader = isProxied ? new ProxyHeaderParser() : undefined;
    this.#owner = owner;
    this.#transport = transport;
    this.#hasProxy = isProxied || owner.peers?.mayBeProxy(address) === true;
    this.#excess = excess;
    this.#place = undefined;
    this.#peer = undefined;
    // Who is no proxy is known by now, whether a request comes or not.
    if (!this.#hasProxy) this.#enter(address);
  }

  /** Why the connection is one too many, as far as is known; undefined where it is not. */
  get excess(): LimitError | HandshakeError | undefined {
    return this.#excess;
  }

  /** Its place among the connections of its address; undefined where they are not counted, or the address is not known. */
  get place(): AddressPlace | undefined {
    return this.#place;
  }

  /** The client behind trusted proxies, once it is known; undefined where nobody has to be believed about it. */
  get peer(): Peer | undefined {
    return this.#peer;
  }

  /**
   * Finds the client of a request, and counts it.
   *
   * @param head A request that was checked.
   * @returns As {@link peer}.
   * @throws {HandshakeError} The connection is one too many of its address, or a trusted proxy's headers are malformed.
   * @throws What the application's function for `trustProxy` has thrown.
   */
  admit(head: Head): Peer | undefined {
    this.#peer = this.#findPeer(head);
    if (this.#place === undefined) this.#enter(this.#peer?.address);
    if (this.#excess !== undefined) throw this.#excess;
    return this.#peer;
  }

  /** A request was answered. Behind a proxy the next one may be another client's. */
  answered(): void {
    if (!this.#hasProxy) return;
    this.#peer = undefined;
    this.#place?.leave();
    this.#place = undefined;
  }

  /** The connection is over, and nobody else has its place. */
  leave(): void {
    this.#place?.leave();
  }

  /** Takes a place among the connections of an address. */
  #enter(address: string | undefined): void {
    const { addresses } = this.#owner;
    if (addresses === undefined || address === undefined) return;
    this.#place = addresses.enter(address);
    this.#excess ??= this.#place.refusal;
  }

  #findPeer(head: Head): Peer | undefined {
    const proxied = this.proxyHeader?.proxied;
    const { peers } = this.#owner;
    if (peers !== undefined) return this.#askForPeer(peers, head, proxied);
    if (proxied === undefined) return undefined;
    return directPeer(this.#transport, head.get("host") ?? "", proxied);
  }

  #askForPeer(peers: PeerFinder, head: Head, proxied: Proxied | undefined): Peer {
    try {
      return peers.find(head, this.#transport, proxied);
    } catch (error) {
      // The application's own function has thrown, before there is a request that it could be told with.
      if (!(error instanceof HandshakeError)) {
        const remoteAddress = socketAddress(this.#transport.remoteAddress);
        this.#owner.hookFailed(error, "trustProxy", { remoteAddress });
      }
      throw error;
    }
  }
}
