/**
 * The keys that connections of this node have in a topic, and the messages that tell the other nodes of them.
 *
 * @module
 */

import type { Head } from "../message.ts";
import type { KeyEntry } from "./key-table.ts";
import { fieldsOf, inPieces } from "./keys-message.ts";

/** The keys of this node in one topic. */
export class OwnKeys {
  readonly #topic: string;
  readonly #keys = new Map<string, KeyEntry>();
  /** Keys with changes that the other nodes have not been told. */
  readonly #changed = new Set<string>();
  /** The number of keys that the topic had when the others were last told. */
  #told = 0;
  #at: number;

  /** @param at The number of changes of all topics so far, which is not below the number of any earlier change of this topic. */
  constructor(topic: string, at: number) {
    this.#topic = topic;
    this.#at = at;
  }

  /** The number of the last change that the other nodes were told. */
  get at(): number {
    return this.#at;
  }

  /** Number of keys. */
  get size(): number {
    return this.#keys.size;
  }

  /** Gives the entry of a key; undefined if no connection has the key. */
  get(key: string): KeyEntry | undefined {
    return this.#keys.get(key);
  }

  /** Gives all keys. */
  entries(): Iterable<[key: string, entry: KeyEntry]> {
    return this.#keys;
  }

  /** Changes the entry of a key. @param entry Undefined if no connection has the key any more. */
  set(key: string, entry: KeyEntry | undefined): void {
    if (entry === undefined) this.#keys.delete(key);
    else this.#keys.set(key, entry);
    this.#changed.add(key);
  }

  /**
   * Gives the messages that tell the other nodes what has changed since the last call. If they knew of no key, it tells all keys.
   */
  takeChanges(): Head[] {
    if (this.#changed.size === 0) return [];
    const changed = [...this.#changed];
    this.#changed.clear();
    const wasEmpty = this.#told === 0;
    this.#told = this.#keys.size;
    if (wasEmpty) {
      this.#at++;
      return this.all();
    }
    return inPieces(changed.map((key) => this.#fieldsOf(key))).map((piece) => ({
      topic: this.#topic,
      at: ++this.#at,
      keys: piece.filter((fields) => typeof fields !== "string"),
      gone: piece.filter((fields) => typeof fields === "string"),
    }));
  }

  /** Gives all keys, as messages. */
  all(): Head[] {
    const fields = Array.from(this.#keys, ([key, entry]) => fieldsOf(key, entry));
    const pieces = inPieces(fields);
    const { length } = pieces;
    return pieces.map((keys, part) => allOf(this.#topic, this.#at, keys, part, length));
  }

  /** Gives a key as it stands in a message; only its name if it is gone. */
  #fieldsOf(key: string): ReturnType<typeof fieldsOf> | string {
    const entry = this.#keys.get(key);
    return entry === undefined ? key : fieldsOf(key, entry);
  }
}

/** Gives a message with one part of all keys of a topic. */
export function allOf(topic: string, at: number, keys: unknown[], part = 0, parts = 1): Head {
  return { topic, at, full: true, part, last: part === parts - 1, keys };
}
