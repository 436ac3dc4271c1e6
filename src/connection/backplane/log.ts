/**
 * A history in memory: the last messages of one topic.
 *
 * @module
 */

import { directionOf, type HistoryEntry, type HistoryPage, type Position } from "./history.ts";

/** The largest number of messages in one page. */
const pageSize = 256;

/** Keeps the last messages of a topic. */
export class HistoryLog {
  readonly #epoch: string;
  readonly #most: number;
  readonly #mostBytes: number;
  /** The kept messages begin at `#from`. Older ones are removed many at a time, because each removal copies the array. */
  #entries: HistoryEntry[] = [];
  #from = 0;
  #bytes = 0;
  #offset = 0;

  /**
   * @param most The largest number of kept messages.
   * @param mostBytes The largest sum of their bytes; the newest message is always kept.
   */
  constructor(epoch: string, most: number, mostBytes: number) {
    this.#epoch = epoch;
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  /** The position of the newest message. */
  get position(): Position {
    return this.#at(this.#offset);
  }

  /** Adds a message. @returns Its position. */
  add(envelope: Uint8Array): Position {
    const position = this.#at(++this.#offset);
    this.#entries.push({ position, envelope });
    this.#bytes += envelope.length;
    while (this.#size > this.#most || (this.#bytes > this.#mostBytes && this.#size > 1)) {
      this.#bytes -= this.#entries[this.#from++]!.envelope.length;
    }
    if (this.#from > this.#size) {
      this.#entries = this.#entries.slice(this.#from);
      this.#from = 0;
    }
    return position;
  }

  /** Gives a page of the messages after a position, as `BackplaneMembership.history` does. */
  read(since: Position | undefined): HistoryPage {
    if (since === undefined) return this.#page(this.#offset, true);
    const oldest = this.#offset - this.#size;
    const isOurs = directionOf(since, this.position) === "same or earlier";
    const complete = isOurs && Number(since.offset) >= oldest;
    return this.#page(complete ? Number(since.offset) : oldest, complete);
  }

  get #size(): number {
    return this.#entries.length - this.#from;
  }

  #at(offset: number): Position {
    return { epoch: this.#epoch, offset: String(offset) };
  }

  /** @param after The page begins with the first message after this offset. */
  #page(after: number, complete: boolean): HistoryPage {
    const end = Math.min(after + pageSize, this.#offset);
    const first = this.#from + after - (this.#offset - this.#size);
    const entries = this.#entries.slice(first, first + end - after);
    return { entries, complete, position: this.#at(end), more: end < this.#offset };
  }
}
