/**
 * How much of what has come is unread, and when that is enough.
 *
 * @module
 */

/** What a thing costs beside its bytes, so that a flood of empty messages or one-byte pieces counts too. */
export const overhead: number = 64;

/** Things that may be unread, however large the mark is. */
export const mostUnread: number = 16 * 1024;

/** Who is told. */
export interface UnreadEvents {
  /** So much is unread that no more is to be read. */
  onFull(): void;
  /** There is room again: half of it has been read. */
  onRoom(): void;
}

/** Counts messages, pieces and control frames of one connection that wait to be taken. */
export class Unread {
  readonly #events: UnreadEvents;
  readonly #highWaterMark: number;
  #bytes = 0;
  #count = 0;
  #isFull = false;

  /** @param highWaterMark Bytes from which on there is enough, the overhead of each thing included. */
  constructor(events: UnreadEvents, highWaterMark: number) {
    this.#events = events;
    this.#highWaterMark = highWaterMark;
  }

  /** Whether there is enough. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Something waits that has so many bytes, or UTF-16 units. */
  add(size: number): void {
    this.#bytes += size + overhead;
    this.#count++;
    if (this.#isFull || (this.#bytes < this.#highWaterMark && this.#count < mostUnread)) return;
    this.#isFull = true;
    this.#events.onFull();
  }

  /** It waits no more. */
  remove(size: number): void {
    this.#bytes -= size + overhead;
    this.#count--;
    if (!this.#isFull) return;
    if (this.#bytes > this.#highWaterMark / 2 || this.#count > mostUnread / 2) return;
    this.#isFull = false;
    this.#events.onRoom();
  }
}
