/**
 * One topic with presence, on one node: its own connections, what the others say, and both together.
 *
 * @module
 */

import { type KeyChange, type KeyEntry, KeyTable } from "./key-table.ts";
import type { KeysMessage } from "./keys-message.ts";
import { OwnKeys } from "./own-keys.ts";
import { PeerKeys } from "./peer-keys.ts";
import type { PresenceMember } from "./options.ts";

/** What a topic asks for and tells. */
export interface TopicOwner {
  /** This node's id. */
  readonly id: string;
  readonly maxKeys: number;
  /** Somebody has joined, has left, or has another state. */
  changed(topic: PresenceTopic, change: KeyChange): void;
  /** A key of another node is left out. */
  dropped(): void;
}

/** One topic. */
export class PresenceTopic {
  readonly name: string;
  /** What connections of this node have. */
  readonly own: OwnKeys;
  /** Whether the application watches it, connections here or not. */
  isWatched = false;
  readonly #owner: TopicOwner;
  readonly #table = new KeyTable();
  readonly #peers = new Map<string, PeerKeys>();

  /** @param at As of `OwnKeys`. */
  constructor(name: string, at: number, owner: TopicOwner) {
    this.name = name;
    this.own = new OwnKeys(name, at);
    this.#owner = owner;
  }

  /** Whether anybody here has a use for it. */
  get isWanted(): boolean {
    return this.isWatched || this.own.size > 0;
  }

  /** All members, on all nodes. */
  members(): PresenceMember[] {
    return this.#table.members();
  }

  /** Says something else of a key of this node. */
  setOwn(key: string, entry: KeyEntry | undefined): void {
    this.own.set(key, entry);
    this.#set(this.#owner.id, key, entry);
  }

  /** Another node says something. @returns Whether all its keys have to be asked for. */
  take(node: string, message: KeysMessage): boolean {
    return this.#peerOf(node).take(message);
  }

  /** Another node says at which change it is. @returns As {@link take}. */
  mark(node: string, at: number): boolean {
    return this.#peerOf(node).mark(at);
  }

  /** What is known of a node: its last change, and whether all is asked for. */
  known(node: string): { readonly at: number; readonly isAsked: boolean } {
    return this.#peers.get(node) ?? { at: 0, isAsked: false };
  }

  /** A node is there no more. */
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
