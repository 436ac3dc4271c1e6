/**
 * Peers by namespace, and the names of their topics.
 *
 * @module
 */

import type { Peer } from "./types.ts";

/** Holds the peers that are open. A namespace without any is forgotten: as a rule it is a path, which clients choose. */
export class Namespaces {
  /** The peers by namespace. */
  readonly all: Map<string, Set<Peer>> = new Map();

  /** Gives the peers of a namespace: the same set as long as it has one. */
  of(namespace: string): Set<Peer> {
    return this.all.get(namespace) ?? new Set();
  }

  /** A peer is open. */
  add(peer: Peer): void {
    const peers = this.of(peer.namespace);
    peers.add(peer);
    this.all.set(peer.namespace, peers);
  }

  /** A peer is over. */
  delete(peer: Peer): void {
    const peers = this.of(peer.namespace);
    peers.delete(peer);
    if (peers.size === 0) this.all.delete(peer.namespace);
  }
}

/** Gives the name that a topic of a namespace has among all topics; no two have the same. */
export function topicName(namespace: string, topic: string): string {
  return `${namespace.length}:${namespace}${topic}`;
}
