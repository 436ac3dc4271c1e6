/**
 * Gives gathered frames to the transport, one write at a time, and a promise to those who wait until they have left.
 *
 * Theory of operation. The transport either takes a write at once, and the next one follows, or it borrows the bytes until
 * `onDrain`; what is sent meanwhile is gathered for the next write. While the link handles a chunk the flusher gathers, so that all
 * replies leave in one write; outside of that a microtask does the same for sends of one turn. A caller that sends above the high-water
 * mark waits for one promise that all such senders share.
 *
 * @module
 */

import type { WriteBuffer } from "../../endpoint/write-buffer.ts";
import type { Transport } from "../../transport.ts";
import { type Deferred, newDeferred, settled } from "../../deferred.ts";

/** What waits for nothing: one promise for all, so that a send below the mark allocates none. */
export const sent: Promise<void> = /* @__PURE__ */ Promise.resolve();

/** What a flusher tells its link. */
export interface FlusherEvents {
  /** The unsent bytes have come down to the mark, after somebody was told to wait. Never called inside of a send. */
  onDrained(): void;
  /** Bytes were taken: there may be room for more, and all may have left. */
  onRoom(): void;
  /** The transport did not take a write at once. */
  onBlocked(): void;
  /** It has taken such a write. @param bytes Of that write. */
  onUnblocked(bytes: number): void;
}

/** The transport: "free" takes a write, "busy" has one under way, "over" gets none any more. */
type Way = "free" | "busy" | "over";

/**
 * When what was gathered leaves: "now" with the next call that flushes, "soon" in a microtask of its own, "gathering" when
 * {@link Flusher.flush} is called.
 */
type Pace = "now" | "soon" | "gathering";

/** Writes what an output gathers. */
export class Flusher {
  readonly #transport: Transport;
  readonly #output: WriteBuffer;
  readonly #highWaterMark: number;
  readonly #events: FlusherEvents;
  #way: Way = "free";
  #pace: Pace = "now";
  // Made at the first flush of that kind, and not for each.
  #flushDue: (() => void) | undefined;
  /** Those who wait until all that is unsent is at the mark. */
  #drained: Deferred<void> | undefined;
  /** Those who wait until what is gathered is at the mark, whatever waits behind it: writers of pieces. */
  #left: Deferred<void> | undefined;

  constructor(
    transport: Transport,
    output: WriteBuffer,
    highWaterMark: number,
    events: FlusherEvents,
  ) {
    this.#transport = transport;
    this.#output = output;
    this.#highWaterMark = highWaterMark;
    this.#events = events;
  }

  /** Whether nothing is left to send. */
  get isIdle(): boolean {
    return this.#output.unsent === 0;
  }

  /** Keeps what is sent from now on until {@link flush}, so that all replies to one chunk make one write. */
  gather(): void {
    this.#pace = "gathering";
  }

  /** Writes what was gathered, now or when the write under way is done. */
  flush(): void {
    this.#pace = "now";
    this.#write();
  }

  /** Ends {@link gather}: what was gathered leaves with what else is sent in the present task. */
  release(): void {
    if (this.#pace !== "gathering") return;
    this.#pace = "now";
    this.flushSoon();
  }

  /** Sees to it that what was just sent leaves, together with what else is sent meanwhile. */
  flushSoon(): void {
    if (this.#pace !== "now" || this.#way !== "free") return;
    this.#pace = "soon";
    this.#flushDue ??= () => {
      if (this.#pace === "soon") this.flush();
    };
    void settled.then(this.#flushDue);
  }

  /** Writes what is above the mark, and gives what `send` returns: {@link whenBelow}. */
  whenSent(): Promise<void> {
    if (this.#output.unsent <= this.#highWaterMark) return sent;
    this.#write();
    return this.whenBelow();
  }

  /** Resolves when the unsent bytes are at the mark or below. */
  whenBelow(): Promise<void> {
    if (this.#output.unsent <= this.#highWaterMark) return sent;
    this.#drained ??= newDeferred<void>();
    return this.#drained.promise;
  }

  /** Writes what is above the mark, and gives what writing a piece returns: {@link whenPieceBelow}. */
  whenPieceSent(): Promise<void> {
    if (this.#output.gathered <= this.#highWaterMark) return sent;
    this.#write();
    return this.whenPieceBelow();
  }

  /**
   * Resolves when the gathered bytes are at the mark or below. What waits behind a message in pieces does not count, for it
   * may wait for the very piece that this is asked for.
   */
  whenPieceBelow(): Promise<void> {
    if (this.#output.gathered <= this.#highWaterMark) return sent;
    this.#left ??= newDeferred<void>();
    return this.#left.promise;
  }

  /** The write under way is done. */
  onDrain(): void {
    if (this.#way !== "busy") return;
    this.#way = "free";
    const { lent } = this.#output;
    this.#output.giveBack();
    this.#events.onUnblocked(lent);
    this.#events.onRoom();
    this.#write();
  }

  /** Drops what is unsent. Those who wait get the error that `reason` makes; it is called only where somebody waits. */
  stop(reason: () => unknown): void {
    this.#way = "over";
    this.#output.abandon();
    this.#drained?.reject(reason());
    this.#drained = undefined;
    this.#left?.reject(reason());
    this.#left = undefined;
  }

  /** Tells those who wait that the unsent bytes are at the mark or below, where they are. */
  checkDrained(): void {
    if (this.#left !== undefined && this.#output.gathered <= this.#highWaterMark) {
      this.#left.resolve();
      this.#left = undefined;
    }
    if (this.#drained === undefined || this.#output.unsent > this.#highWaterMark) return;
    this.#drained.resolve();
    this.#drained = undefined;
    // A handler that sends more from here must not find itself inside of its own call.
    queueMicrotask(() => {
      this.#events.onDrained();
    });
  }

  #write(): void {
    while (this.#way === "free") {
      const bytes = this.#output.lend();
      if (bytes === undefined) break;
      if (this.#transport.write(bytes)) {
        this.#output.giveBack();
        this.#events.onRoom();
      } else {
        this.#way = "busy";
        this.#events.onBlocked();
      }
    }
    this.checkDrained();
  }
}
