/**
 * One topic with presence, on one node: the node's own keys, the keys of its peers, and the members that result.
 *
 * @module
 */

import { type KeyChange, type KeyEntry, KeyTable } from "./key-table.ts";
import type { KeysMessage } from "./keys-message.ts";
import { OwnKeys } from "./own-keys.ts";
import { PeerKeys } from "./peer-keys.ts";
import type { PresenceMember } from "./options.ts";

/** What a topic asks of its owner, and tells it. */
export interface TopicOwner {
  /** This node's id. */
  readonly id: string;
  readonly maxKeys: number;
  /** Tells that a member has joined, has left, or has another state. */
  changed(topic: PresenceTopic, change: KeyChange): void;
  /** Tells that a key of another node was left out. */
  dropped(): void;
}

/** One topic. */
export class PresenceTopic {
  readonly name: string;
  /** The keys of this node's connections. */
  readonly own: OwnKeys;
  /** Whether the application watches the topic. */
  isWatched = false;
  readonly #owner: TopicOwner;
  readonly #table = new KeyTable();
  readonly #peers = new Map<string, PeerKeys>();

  /** @param at See the constructor of `OwnKeys`. */
  constructor(name: string, at: number, owner: TopicOwner) {
    this.name = name;
    this.own = new OwnKeys(name, at);
    this.#owner = owner;
  }

  /** Whether the application watches the topic, or a connection of this node is in it. */
  get isWanted(): boolean {
    return this.isWatched || this.own.size > 0;
  }

  /** Gives all members, on all nodes. */
  members(): PresenceMember[] {
    return this.#table.members();
  }

  /** Changes a key of this node. @param entry Undefined if no connection has the key any more. */
  setOwn(key: string, entry: KeyEntry | undefined): void {
    this.own.set(key, entry);
    this.#set(this.#owner.id, key, entry);
  }

  /** Takes a message of another node. @returns Whether the caller must ask that node for all its keys. */
  take(node: string, message: KeysMessage): boolean {
    return this.#peerOf(node).take(message);
  }

  /** Takes the number of another node's last change. @returns As {@link take}. */
  mark(node: string, at: number): boolean {
    return this.#peerOf(node).mark(at);
  }

  /** Gives the number of a node's last known change, and whether this node waits for all its keys. */
  known(node: string): { readonly at: number; readonly isAsked: boolean } {
    return this.#peers.get(node) ?? { at: 0, isAsked: false };
  }

  /** A node has gone: removes its keys. */
  forget(node: string): void {
    this.#peers.get(node)?.clear();
    this.#peers.delete(node);
  }

  #peerOf(node: string): PeerKeys {
    let peer = this.#peers.get(node);
    if (peer !== undefined) return peer;
    peer = new PeerKeys({
      maxKeys: this.#owner.maxKeys,
      set: (key, entry) => {
        this.#set(node, key, entry);
      },
      remove: (key) => {
        this.#set(node, key, undefined);
      },
      dropped: () => {
        this.#owner.dropped();
      },
    });
    this.#peers.set(node, peer);
    return peer;
  }

  #set(node: string, key: string, entry: KeyEntry | undefined): void {
    const change =
      entry === undefined ? this.#table.remove(node, key) : this.#table.set(node, key, entry);
    if (change !== undefined) this.#owner.changed(this, change);
  }
}
