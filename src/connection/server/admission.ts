/**
 * Finds the client of a server's connection, and whether the connection exceeds a limit: of all connections, or of its address.
 *
 * Without a proxy the client is the other end of the socket, and gets its place before anything is read. Behind a proxy the head
 * of a request, or a PROXY header, names the client. Each request on a proxy's connection may come from another client.
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

/** The parts of a server that an admission uses. */
export interface AdmissionOwner extends HookFailureOwner {
  /** Finds clients behind proxies; undefined if no proxy is trusted. */
  readonly peers: PeerFinder | undefined;
  /** Counts the connections of each address; undefined if there is no limit. */
  readonly addresses: AddressBook | undefined;
  /** Tells whether the other end of the socket must send a PROXY header. */
  isBalancer(remoteAddress: string | undefined): boolean;
}

/** The client of one connection, and its place among those of its address. */
export class Admission {
  /** Reads the header that a balancer sends first; undefined if none is expected. */
  readonly proxyHeader: ProxyHeaderParser | undefined;
  readonly #owner: AdmissionOwner;
  readonly #transport: Transport;
  /** Whether the other end of the socket may be a proxy. Then each request has a client address of its own. */
  readonly #hasProxy: boolean;
  #excess: LimitError | HandshakeError | undefined;
  #place: AddressPlace | undefined;
  #peer: Peer | undefined;

  /** @param excess The limit of all connections that this connection exceeds, if any. */
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
    // If the other end is not a proxy, the client is known now, before a request comes.
    if (!this.#hasProxy) this.#enter(address);
  }

  /** The limit that the connection exceeds, as far as is known; undefined if there is none. */
  get excess(): LimitError | HandshakeError | undefined {
    return this.#excess;
  }

  /** The place among the connections of its address; undefined if they are not counted, or the address is unknown. */
  get place(): AddressPlace | undefined {
    return this.#place;
  }

  /** The client behind trusted proxies, when it is known; undefined if there is no trusted proxy. */
  get peer(): Peer | undefined {
    return this.#peer;
  }

  /**
   * Finds the client of a request, and counts it.
   *
   * @param head A request that has passed its checks.
   * @returns As {@link peer}.
   * @throws {HandshakeError} The connection exceeds a limit of its address, or a trusted proxy's headers are malformed.
   * @throws The error of the application's function for `trustProxy`.
   */
  admit(head: Head): Peer | undefined {
    this.#peer = this.#findPeer(head);
    if (this.#place === undefined) this.#enter(this.#peer?.address);
    if (this.#excess !== undefined) throw this.#excess;
    return this.#peer;
  }

  /** A request was answered. Behind a proxy the next request may come from another client. */
  answered(): void {
    if (!this.#hasProxy) return;
    this.#peer = undefined;
    this.#place?.leave();
    this.#place = undefined;
  }

  /** The connection is over: gives up its place. */
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
      // The application's function has thrown before there is a request object. So the error is reported with the address alone.
      if (!(error instanceof HandshakeError)) {
        const remoteAddress = socketAddress(this.#transport.remoteAddress);
        this.#owner.hookFailed(error, "trustProxy", { remoteAddress });
      }
      throw error;
    }
  }
}
