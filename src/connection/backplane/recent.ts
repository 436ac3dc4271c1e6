/**
 * A map that forgets what has not been used for long.
 *
 * @module
 */

/**
 * Keeps at least the `most` entries used last, and less than twice as many. None is taken out by itself: a map with many holes
 * is slow to begin an iteration, and to find the oldest takes one.
 */
export class RecentMap<Key, Value> {
  readonly #most: number;
  #young = new Map<Key, Value>();
  #old: Map<Key, Value> | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /** Entries that it has. */
  get size(): number {
    return this.#young.size + (this.#old?.size ?? 0);
  }

  /** Gives a value, which counts as its use. */
  get(key: Key): Value | undefined {
    const value = this.#young.get(key);
    if (value !== undefined || this.#old === undefined) return value;
    const older = this.#old.get(key);
    if (older !== undefined) this.set(key, older);
    return older;
  }

  /** Sets a value, which counts as its use. */
  set(key: Key, value: Value): void {
    this.#young.set(key, value);
    if (this.#young.size < this.#most) return;
    this.#old = this.#young;
    this.#young = new Map();
  }
}
