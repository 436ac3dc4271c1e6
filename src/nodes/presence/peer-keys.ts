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

/** All keys of a node on their way. */
interface Arriving {
  /** At which change. */
  readonly at: number;
  /** Which part comes next. */
  next: number;
  /** No more than may be. */
  readonly keys: Map<string, KeyEntry>;
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
  /** All keys as far as their parts have come, until the last is there. */
  #arriving: Arriving | undefined;

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
    if (message.part === 0) this.#arriving = { at: message.at, next: 0, keys: new Map() };
    const arriving = this.#arriving;
    if (arriving === undefined || arriving.next !== message.part || arriving.at !== message.at) {
      this.#arriving = undefined;
      return this.#ask();
    }
    arriving.next++;
    const { keys } = arriving;
    for (const [key, entry] of message.keys) if (this.#hasRoom(keys, key)) keys.set(key, entry);
    if (message.isLast) this.#replace(arriving);
    return message.isLast && this.#follow();
  }

  /** All parts are there: what is not in them is gone. */
  #replace({ at, keys }: Arriving): void {
    this.#arriving = undefined;
    for (const key of [...this.#keys]) if (!keys.has(key)) this.#remove(key);
    for (const [key, entry] of keys) this.#set(key, entry);
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
    if (!this.#hasRoom(this.#keys, key)) return;
    this.#keys.add(key);
    this.#owner.set(key, entry);
  }

  /** @returns False where there are as many keys as may be: this one is left out. */
  #hasRoom(keys: ReadonlySet<string> | ReadonlyMap<string, unknown>, key: string): boolean {
    if (keys.has(key) || keys.size < this.#owner.maxKeys) return true;
    this.#owner.dropped();
    return false;
  }

  #remove(key: string): void {
    if (this.#keys.delete(key)) this.#owner.remove(key);
  }
}
