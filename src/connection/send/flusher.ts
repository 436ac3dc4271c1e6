/**
 * Gives gathered frames to the transport, one write at a time, and promises to senders that must wait.
 *
 * Theory of operation. The transport either takes a write at once, and the next one may follow, or it borrows the bytes until
 * `onDrain`. Frames that are sent meanwhile are gathered for the next write. While the link handles a chunk, the flusher gathers,
 * so that all replies leave in one write. Outside of that, a microtask gathers the sends of one turn. All callers that send above
 * the high-water mark share one promise.
 *
 * @module
 */

import type { WriteBuffer } from "../../endpoint/write-buffer.ts";
import type { Transport } from "../../transport.ts";
import { type Deferred, newDeferred, settled } from "../../deferred.ts";
import type { Backlog } from "./backlog.ts";

/** The promise of every send below the high-water mark, so that such a send does not allocate one. */
export const sent: Promise<void> = /* @__PURE__ */ Promise.resolve();

/** The events of a flusher, for its link. */
export interface FlusherEvents {
  /** The unsent bytes have come down to the high-water mark after a caller had to wait. Never called during a send. */
  onDrained(): void;
  /** The transport has taken bytes: there may be room for more, or all may have left. */
  onRoom(): void;
  /** The transport did not take a write at once. */
  onBlocked(): void;
  /** The transport has taken such a write. @param bytes Size of the write. */
  onUnblocked(bytes: number): void;
}

/** State of the transport: "free" takes a write, "busy" has borrowed one, "over" takes none any more. */
type Way = "free" | "busy" | "over";

/**
 * When gathered frames leave: "now" at the next call that flushes, "soon" in a microtask, "gathering" at the next call of
 * {@link Flusher.flush}.
 */
type Pace = "now" | "soon" | "gathering";

/** Writes the gathered frames of one connection. */
export class Flusher {
  readonly #transport: Transport;
  readonly #output: WriteBuffer;
  readonly #highWaterMark: number;
  readonly #events: FlusherEvents;
  /** The sum of the server's connections; undefined if it has no limit. */
  readonly #backlog: Backlog | undefined;
  /** Bytes that the backlog was told of. */
  #counted = 0;
  #way: Way = "free";
  #pace: Pace = "now";
  // The microtask's callback. Made once, at first use.
  #flushDue: (() => void) | undefined;
  /** For senders that wait until all unsent bytes are at most the high-water mark. */
  #drained: Deferred<void> | undefined;
  /**
   * For senders of pieces. They wait until the gathered bytes are at most the high-water mark; messages behind them do not count.
   */
  #left: Deferred<void> | undefined;

  constructor(
    transport: Transport,
    output: WriteBuffer,
    highWaterMark: number,
    events: FlusherEvents,
    backlog?: Backlog,
  ) {
    this.#transport = transport;
    this.#output = output;
    this.#highWaterMark = highWaterMark;
    this.#events = events;
    this.#backlog = backlog;
  }

  /** Whether nothing is left to send. */
  get isIdle(): boolean {
    return this.#output.unsent === 0;
  }

  /** Gathers what is sent from now on until {@link flush}, so that all replies to one chunk leave in one write. */
  gather(): void {
    this.#pace = "gathering";
  }

  /** Writes the gathered frames, now or after the current write. */
  flush(): void {
    this.#pace = "now";
    this.#write();
  }

  /** Ends {@link gather}: the gathered frames leave together with what else is sent in the current task. */
  release(): void {
    if (this.#pace !== "gathering") return;
    this.#pace = "now";
    this.flushSoon();
  }

  /** Makes sure that gathered frames leave soon, together with what else is sent meanwhile. */
  flushSoon(): void {
    if (this.#way === "busy" && this.#backlog !== undefined) this.#count(this.#backlog);
    if (this.#pace !== "now" || this.#way !== "free") return;
    this.#pace = "soon";
    this.#flushDue ??= () => {
      if (this.#pace === "soon") this.flush();
    };
    void settled.then(this.#flushDue);
  }

  /** Writes if the unsent bytes are above the high-water mark, and gives the promise of a send: {@link whenBelow}. */
  whenSent(): Promise<void> {
    if (this.#output.unsent <= this.#highWaterMark) return sent;
    this.#write();
    return this.whenBelow();
  }

  /** Resolves when the unsent bytes are at most the high-water mark. */
  whenBelow(): Promise<void> {
    if (this.#output.unsent <= this.#highWaterMark) return sent;
    this.#drained ??= newDeferred<void>();
    return this.#drained.promise;
  }

  /** Writes if the gathered bytes are above the high-water mark, and gives the promise of a piece: {@link whenPieceBelow}. */
  whenPieceSent(): Promise<void> {
    if (this.#output.gathered <= this.#highWaterMark) return sent;
    this.#write();
    return this.whenPieceBelow();
  }

  /**
   * Resolves when the gathered bytes are at most the high-water mark. Messages behind a message in pieces do not count, because
   * they may wait for the very piece whose sender asks.
   */
  whenPieceBelow(): Promise<void> {
    if (this.#output.gathered <= this.#highWaterMark) return sent;
    this.#left ??= newDeferred<void>();
    return this.#left.promise;
  }

  /** The transport has taken the current write. */
  onDrain(): void {
    if (this.#way !== "busy") return;
    this.#way = "free";
    const { lent } = this.#output;
    this.#output.giveBack();
    this.#events.onUnblocked(lent);
    this.#events.onRoom();
    this.#write();
  }

  /** Drops all unsent bytes. Senders that wait get the error that `reason` makes. It is called only if a sender waits. */
  stop(reason: () => unknown): void {
    this.#way = "over";
    this.#output.abandon();
    if (this.#backlog !== undefined) this.#count(this.#backlog);
    this.#drained?.reject(reason());
    this.#drained = undefined;
    this.#left?.reject(reason());
    this.#left = undefined;
  }

  /** Resolves the promises of senders if the unsent bytes are at most the high-water mark. */
  checkDrained(): void {
    if (this.#left !== undefined && this.#output.gathered <= this.#highWaterMark) {
      this.#left.resolve();
      this.#left = undefined;
    }
    if (this.#drained === undefined || this.#output.unsent > this.#highWaterMark) return;
    this.#drained.resolve();
    this.#drained = undefined;
    // Not inside the current call, because a handler that sends here must not be called inside its own send.
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
    if (this.#backlog !== undefined) this.#count(this.#backlog);
    this.checkDrained();
  }

  /** Tells the backlog by how much the unsent bytes have changed. */
  #count(backlog: Backlog): void {
    const unsent = this.#way === "over" ? 0 : this.#output.unsent;
    const change = unsent - this.#counted;
    if (change === 0) return;
    this.#counted = unsent;
    backlog.change(change);
  }
}
