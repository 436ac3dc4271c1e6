/**
 * A map that forgets entries that have not been used for long.
 *
 * @module
 */

/**
 * Keeps at least the `most` entries used last, and less than twice as many. It drops entries only by dropping a whole map,
 * because to find the oldest entry takes an iteration, which is slow to begin in a map with many deleted entries.
 */
export class RecentMap<Key, Value> {
  readonly #most: number;
  #young = new Map<Key, Value>();
  #old: Map<Key, Value> | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** Number of entries. */
  get size(): number {
    return this.#young.size + (this.#old?.size ?? 0);
  }

  /** Gives a value. This counts as a use. */
  get(key: Key): Value | undefined {
    const value = this.#young.get(key);
    if (value !== undefined || this.#old === undefined) return value;
    const older = this.#old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  /** Sets a value. This counts as a use. */
  set(key: Key, value: Value): void {
    this.#young.set(key, value);
    if (this.#young.size < this.#most) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}
