/**
 * Counts the unread bytes of a connection, and reports when there are too many.
 *
 * @module
 */

/**
 * Bytes that each item counts in addition to its size, so that a flood of empty messages or pieces of one byte is also limited.
 */
export const overhead: number = 64;

/** Most unread items, however large the high-water mark is. */
export const mostUnread: number = 16 * 1024;

/** The receiver of these events. */
export interface UnreadEvents {
  /** Too much is unread: stop reading. */
  onFull(): void;
  /** Half of the unread bytes were read: there is room again. */
  onRoom(): void;
}

/** Counts the messages, pieces and control frames of one connection that wait to be read. */
export class Unread {
  readonly #events: UnreadEvents;
  readonly #highWaterMark: number;
  #bytes = 0;
  #count = 0;
  #isFull = false;

  /** @param highWaterMark Number of bytes from which on it is full, including the overhead of each item. */
  constructor(events: UnreadEvents, highWaterMark: number) {
    this.#events = events;
    this.#highWaterMark = highWaterMark;
  }

  /** Whether too much is unread. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** An item of this many bytes, or UTF-16 units, begins to wait. */
  add(size: number): void {
    this.#bytes += size + overhead;
    this.#count++;
    if (this.#isFull || (this.#bytes < this.#highWaterMark && this.#count < mostUnread)) return;
    this.#isFull = true;
    this.#events.onFull();
  }

  /** The item no longer waits. */
  remove(size: number): void {
    this.#bytes -= size + overhead;
    this.#count--;
    if (!this.#isFull) return;
    if (this.#bytes > this.#highWaterMark / 2 || this.#count > mostUnread / 2) return;
    this.#isFull = false;
    this.#events.onRoom();
  }
}
