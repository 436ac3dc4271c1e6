/**
 * What comes of a topic while its history is read.
 *
 * @module
 */

/** What is kept; beyond it the history is read once more. */
const mostItems = 1024;
const mostBytes = 1024 ** 2;

/** Messages that come while a page of the history is read, which may have them, or end before them. */
export class Tail<Item extends { readonly message: { readonly size: number } }> {
  #items: Item[] = [];
  #bytes = 0;
  #isCut = false;

  /** Whether some had to be left out since it was emptied: another page has to be read. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Keeps one. */
  add(item: Item): void {
    if (this.#isCut) return;
    this.#items.push(item);
    this.#bytes += item.message.size;
    if (this.#items.length <= mostItems && this.#bytes <= mostBytes) return;
    this.take();
    this.#isCut = true;
  }

  /** Gives what it has, in order, and is empty. */
  take(): readonly Item[] {
    const items = this.#items;
    this.#items = [];
    this.#bytes = 0;
    this.#isCut = false;
    return items;
  }
}
