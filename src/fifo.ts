/**
 * A queue.
 *
 * @module
 */

/** Length up to which what was taken is left where it was, rather than cut off. */
const fewTaken = 64;

/**
 * First in, first out, at the same cost however long it is: an array's own `shift` moves all that follows.
 */
export class Fifo<Item> {
  #items: Item[] = [];
  #start = 0;

  /** Items in it. */
  get length(): number {
    return this.#items.length - this.#start;
  }

  /** The next one, where there is one. */
  get first(): Item | undefined {
    return this.#items[this.#start];
  }

  /** Adds one. */
  push(item: Item): void {
    this.#items.push(item);
  }

  /** Takes the next one, where there is one. */
  shift(): Item | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#start];
    this.#items[this.#start++] = undefined as Item;
    if (this.#start > fewTaken && 2 * this.#start > this.#items.length) {
      this.#items = this.#items.slice(this.#start);
      this.#start = 0;
    }
    return item;
  }

  /** Takes all. */
  takeAll(): Item[] {
    const items = this.#items.slice(this.#start);
    this.#items = [];
    this.#start = 0;
    return items;
  }

  [Symbol.iterator](): Iterator<Item> {
    return this.#items.slice(this.#start)[Symbol.iterator]();
  }
}
