/**
 * Counts the unsent bytes of all connections of a server, and drops connections if the bytes exceed a limit.
 *
 * Theory of operation. Each flusher tells the changes of its connection's unsent bytes: when a write ends, and at each send while
 * the transport is busy. If the sum exceeds the limit, a microtask checks again, because the writes of the same turn may take the
 * bytes. If the sum is still too large, the microtask drops the connections that hold the most, until an eighth of the limit is
 * free. Each check sorts all connections with unsent bytes; the free eighth makes checks rare.
 *
 * @module
 */

import { LimitError } from "../../errors.ts";

/** What the backlog uses of a connection. */
export interface BacklogHolder {
  readonly outbox: {
    /** Number of unsent bytes. */
    readonly unsent: number;
  };
  /** Ends the connection, because the unsent bytes exceed the limit. */
  onOverflow(error: LimitError): void;
}

/** The largest part of the limit that is still used after connections were dropped. */
const usedAfter = 7 / 8;

/** Counts the unsent bytes of all connections, and drops the connections that hold the most if the sum exceeds a limit. */
export class Backlog {
  readonly #most: number;
  readonly #holders: () => Iterable<BacklogHolder>;
  #bytes = 0;
  /** "due" from the moment when the sum exceeds the limit until the microtask checks again. */
  #check: "none" | "due" = "none";

  /**
   * @param most The limit, in bytes.
   * @param holders Gives the open connections.
   */
  constructor(most: number, holders: () => Iterable<BacklogHolder>) {
    this.#most = most;
    this.#holders = holders;
  }

  /** The sum of the unsent bytes that flushers have told. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds a change of one connection's unsent bytes. A check comes later, in a microtask: never during this call. */
  change(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes <= this.#most || this.#check === "due") return;
    this.#check = "due";
    queueMicrotask(() => {
      this.#check = "none";
      if (this.#bytes > this.#most) this.#dropLargest();
    });
  }

  #dropLargest(): void {
    const holders = Array.from(this.#holders()).filter(({ outbox }) => outbox.unsent > 0);
    holders.sort((a, b) => b.outbox.unsent - a.outbox.unsent);
    for (const holder of holders) {
      if (this.#bytes <= this.#most * usedAfter) return;
      holder.onOverflow(
        new LimitError("TOO_MUCH_BUFFERED", this.#most, this.#bytes, "maxTotalBufferedAmount"),
      );
    }
  }
}
