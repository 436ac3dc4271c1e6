/**
 * The known keys of another node in a topic, and whether any change is missing.
 *
 * Theory of operation. A node numbers its changes. They come in order, but some may be lost. A change with the next number is
 * applied. If a number is missing, this node asks for all keys, and keeps later changes until all keys have come.
 *
 * @module
 */

import type { KeyEntry } from "./key-table.ts";
import type { KeysMessage } from "./keys-message.ts";

/** What the keys of a peer ask of their owner, and tell it. */
export interface PeerKeysOwner {
  /** The largest number of keys of one node in one topic. Further keys are left out. */
  readonly maxKeys: number;
  set(key: string, entry: KeyEntry): void;
  remove(key: string): void;
  /** Tells that a key was left out. */
  dropped(): void;
}

/** All keys of a node, of which some parts have come. */
interface Arriving {
  /** The number of the change after which these keys hold. */
  readonly at: number;
  /** The number of the next part. */
  next: number;
  /** The keys so far, at most `maxKeys`. */
  readonly keys: Map<string, KeyEntry>;
}

/** The largest number of changes that are kept while this node waits for all keys. */
const mostLater = 256;

/** The keys of another node in one topic. */
export class PeerKeys {
  readonly #owner: PeerKeysOwner;
  readonly #keys = new Set<string>();
  /**
   * "unknown": nothing is known yet. "asked": a change is missing, and this node waits for all keys. "current": no change is
   * missing.
   */
  #state: "unknown" | "asked" | "current" = "unknown";
  #at = 0;
  /** Changes that came after a missing one. */
  #later: KeysMessage[] = [];
  /** The parts of all keys that have come; undefined if no parts are awaited. */
  #arriving: Arriving | undefined;

  constructor(owner: PeerKeysOwner) {
    this.#owner = owner;
  }

  /** The number of the last known change; 0 for none. */
  get at(): number {
    return this.#at;
  }

  /** Whether this node waits for all keys, or must ask for them. */
  get isAsked(): boolean {
    return this.#state === "asked";
  }

  /** Takes a message about keys. @returns Whether the caller must ask for all keys now. */
  take(message: KeysMessage): boolean {
    return message.part === undefined ? this.#takeChange(message) : this.#takePart(message);
  }

  /** Takes the number of the peer's last change. @returns As {@link take}. */
  mark(at: number): boolean {
    return at > this.#at || this.#state === "unknown" ? this.#ask() : false;
  }

  /** The peer has gone: removes all its keys. */
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

  /** All parts have come: removes the keys that are not in them. */
  #replace({ at, keys }: Arriving): void {
    this.#arriving = undefined;
    for (const key of [...this.#keys]) if (!keys.has(key)) this.#remove(key);
    for (const [key, entry] of keys) this.#set(key, entry);
    this.#at = at;
    this.#state = "current";
  }

  /** Takes the changes that came meanwhile. @returns Whether a change is missing again. */
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

  /** Notes that all keys are needed. @returns False if they were asked for already. */
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

  /** @returns False if there are `maxKeys` keys already, so that this one is left out. */
  #hasRoom(keys: ReadonlySet<string> | ReadonlyMap<string, unknown>, key: string): boolean {
    if (keys.has(key) || keys.size < this.#owner.maxKeys) return true;
    this.#owner.dropped();
    return false;
  }

  #remove(key: string): void {
    if (this.#keys.delete(key)) this.#owner.remove(key);
  }
}
