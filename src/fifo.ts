/**
 * A queue with a constant cost for each operation.
 *
 * @module
 */

/** Number of taken items that are left in the array, before they are cut off together. */
const fewTaken = 64;

/**
 * First in, first out. Each operation costs the same in a queue of any length; an array's own `shift` moves all items behind.
 */
export class Fifo<Item> {
  #items: Item[] = [];
  #start = 0;

  /** Number of items. */
  get length(): number {
    return this.#items.length - this.#start;
  }

  /** The next item, if there is one. */
  get first(): Item | undefined {
    return this.#items[this.#start];
  }

  /** Adds an item. */
  push(item: Item): void {
    this.#items.push(item);
  }

  /** Takes the next item, if there is one. */
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

  /** Takes all items. */
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
