/**
 * The keys that connections of this node have in a topic, and what the others have to be told of them.
 *
 * @module
 */

import type { Head } from "../message.ts";
import type { KeyEntry } from "./key-table.ts";
import { fieldsOf, inPieces } from "./keys-message.ts";

/** This node's part of one topic. */
export class OwnKeys {
  readonly #topic: string;
  readonly #keys = new Map<string, KeyEntry>();
  /** Keys that the others do not know the last of. */
  readonly #changed = new Set<string>();
  /** How many keys the others were told of. */
  #told = 0;
  #at: number;

  /** @param at The number of the last change of any topic: none of this one has a higher number. */
  constructor(topic: string, at: number) {
    this.#topic = topic;
    this.#at = at;
  }

  /** The number of the last change that the others were told. */
  get at(): number {
    return this.#at;
  }

  /** How many keys there are. */
  get size(): number {
    return this.#keys.size;
  }

  /** Gives what is said of a key; undefined where no connection has it. */
  get(key: string): KeyEntry | undefined {
    return this.#keys.get(key);
  }

  /** Gives all keys. */
  entries(): Iterable<[key: string, entry: KeyEntry]> {
    return this.#keys;
  }

  /** Something else is said of a key; undefined where no connection has it any more. */
  set(key: string, entry: KeyEntry | undefined): void {
    if (entry === undefined) this.#keys.delete(key);
    else this.#keys.set(key, entry);
    this.#changed.add(key);
  }

  /** Gives what the others are to be told: what has changed since this was called last. */
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

  /** The fields of a key; the key alone where it is gone. */
  #fieldsOf(key: string): ReturnType<typeof fieldsOf> | string {
    const entry = this.#keys.get(key);
    return entry === undefined ? key : fieldsOf(key, entry);
  }
}

/** Gives the message that tells of a part of all keys of a topic. */
export function allOf(topic: string, at: number, keys: unknown[], part = 0, parts = 1): Head {
  return { topic, at, full: true, part, last: part === parts - 1, keys };
}
