/**
 * The messages of a topic that come while its history is read.
 *
 * @module
 */

/** The limits of a tail. Beyond them it drops its messages, and the history is read once more. */
const mostItems = 1024;
const mostBytes = 1024 ** 2;

/** Keeps the messages that come while a page of the history is read. The page may hold them, or may end before them. */
export class Tail<Item extends { readonly message: { readonly size: number } }> {
  #items: Item[] = [];
  #bytes = 0;
  #isCut = false;

  /** Whether messages were dropped since the last `take`: then another page must be read. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Keeps a message. */
  add(item: Item): void {
    if (this.#isCut) return;
    this.#items.push(item);
    this.#bytes += item.message.size;
    if (this.#items.length <= mostItems && this.#bytes <= mostBytes) return;
    this.take();
    this.#isCut = true;
  }

  /** Gives the kept messages, in order, and forgets them. */
  take(): readonly Item[] {
    const items = this.#items;
    this.#items = [];
    this.#bytes = 0;
    this.#isCut = false;
    return items;
  }
}
