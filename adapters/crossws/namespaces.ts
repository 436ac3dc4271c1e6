/**
 * Peers by namespace, and the names of their topics.
 *
 * @module
 */

import type { Peer } from "./types.ts";

/** Holds the open peers. A namespace without peers is forgotten, since as a rule it is a path, which clients choose. */
export class Namespaces {
  /** The peers by namespace. */
  readonly all: Map<string, Set<Peer>> = new Map();

  /** Gives the peers of a namespace; the set is the same as long as the namespace has a peer. */
  of(namespace: string): Set<Peer> {
    return this.all.get(namespace) ?? new Set();
  }

  /** Adds an open peer. */
  add(peer: Peer): void {
    const peers = this.of(peer.namespace);
    peers.add(peer);
    this.all.set(peer.namespace, peers);
  }

  /** Removes a peer. */
  delete(peer: Peer): void {
    const peers = this.of(peer.namespace);
    peers.delete(peer);
    if (peers.size === 0) this.all.delete(peer.namespace);
  }
}

/** Gives the name of a namespace's topic among all topics. The names of two different topics are never equal. */
export function topicName(namespace: string, topic: string): string {
  return `${namespace.length}:${namespace}${topic}`;
}
