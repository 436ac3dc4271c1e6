/**
 * What is known of another node's keys in a topic, and whether that is all.
 *
 * Theory of operation. A node numbers its changes, and all of them come in order, or do not come. What follows upon what is known is taken;
 * where something is missing, all keys are asked for, and what comes meanwhile is kept until they are there.
 *
 * @module
 */

import type { KeyEntry } from "./key-table.ts";
import type { KeysMessage } from "./keys-message.ts";

/** What is told of another node's keys. */
export interface PeerKeysOwner {
  /** Keys of one topic that one node may have: more are left out. */
  readonly maxKeys: number;
  set(key: string, entry: KeyEntry): void;
  remove(key: string): void;
  /** A key is left out. */
  dropped(): void;
}

/** Changes that are kept while all keys are asked for. */
const mostLater = 256;

/** One node's keys in one topic. */
export class PeerKeys {
  readonly #owner: PeerKeysOwner;
  readonly #keys = new Set<string>();
  /** "unknown": nothing has come. "asked": something is missing, and all are asked for. "current": nothing is missing. */
  #state: "unknown" | "asked" | "current" = "unknown";
  #at = 0;
  /** What came behind that which is missing. */
  #later: KeysMessage[] = [];
  /** Parts of all keys, until the last is there. */
  #parts: KeysMessage[] = [];

  constructor(owner: PeerKeysOwner) {
    this.#owner = owner;
  }

  /** The last change that is known; 0 for none. */
  get at(): number {
    return this.#at;
  }

  /** Whether all keys have to be asked for, or are. */
  get isAsked(): boolean {
    return this.#state === "asked";
  }

  /** Something has come. @returns Whether all keys have to be asked for now. */
  take(message: KeysMessage): boolean {
    return message.part === undefined ? this.#takeChange(message) : this.#takePart(message);
  }

  /** The node says at which change it is. @returns As {@link take}. */
  mark(at: number): boolean {
    return at > this.#at || this.#state === "unknown" ? this.#ask() : false;
  }

  /** The node is there no more. */
  clear(): void {
    for (const key of [...this.#keys]) this.#remove(key);
  }

  #takeChange(message: KeysMessage): boolean {
    if (message.at <= this.#at && this.#state !== "unknown") return false;
    if (this.#state === "current" && message.at === this.#at + 1) {
      this.#apply(message);
      return false;
    }
    if (this.#later.length < mostLater) this.#later.push(message);
    return this.#ask();
  }

  #takePart(message: KeysMessage): boolean {
    if (message.at < this.#at || (message.at === this.#at && this.#state === "current"))
      return false;
    if (message.part === 0) this.#parts = [];
    const isNext =
      message.part === this.#parts.length && (this.#parts[0]?.at ?? message.at) === message.at;
    if (!isNext) {
      this.#parts = [];
      return this.#ask();
    }
    this.#parts.push(message);
    if (message.isLast) this.#replace(message.at);
    return message.isLast && this.#follow();
  }

  /** All parts are there: what is not in them is gone. */
  #replace(at: number): void {
    const parts = this.#parts;
    this.#parts = [];
    const left = new Set(this.#keys);
    for (const { keys } of parts) for (const [key] of keys) left.delete(key);
    for (const key of left) this.#remove(key);
    for (const { keys } of parts) for (const [key, entry] of keys) this.#set(key, entry);
    this.#at = at;
    this.#state = "current";
  }

  /** Takes what came meanwhile. @returns Whether something is missing again. */
  #follow(): boolean {
    const later = this.#later;
    this.#later = [];
    let isMissing = false;
    for (const message of later) if (this.#takeChange(message)) isMissing = true;
    return isMissing;
  }

  #apply({ at, keys, gone }: KeysMessage): void {
    for (const key of gone) this.#remove(key);
    for (const [key, entry] of keys) this.#set(key, entry);
    this.#at = at;
  }

  /** @returns True at first: what is asked for already need not be asked for again. */
  #ask(): boolean {
    if (this.#state === "asked") return false;
    this.#state = "asked";
    return true;
  }

  #set(key: string, entry: KeyEntry): void {
    if (!this.#keys.has(key) && this.#keys.size >= this.#owner.maxKeys) {
      this.#owner.dropped();
      return;
    }
    this.#keys.add(key);
    this.#owner.set(key, entry);
  }

  #remove(key: string): void {
    if (this.#keys.delete(key)) this.#owner.remove(key);
  }
}
