/**
 * The way from gathered frames to the transport: one write at a time, and a promise for those who wait.
 *
 * @module
 */

import type { Output } from "../endpoint/output.ts";
import type { Transport } from "../transport.ts";
import { type Deferred, newDeferred, settled } from "../deferred.ts";

/** What waits for nothing: one promise for all, so that a send below the mark allocates none. */
export const sent: Promise<void> = /* @__PURE__ */ Promise.resolve();

/** What a sender tells its link. */
export interface SenderEvents {
  /** The unsent bytes have come down to the mark, after somebody was told to wait. Never called inside of a send. */
  onDrained(): void;
  /** Something was written: there may be room for more. */
  onRoom(): void;
}

const nobody: SenderEvents = { onDrained() {}, onRoom() {} };

/** Writes what an output gathers. */
export class Sender {
  readonly #transport: Transport;
  readonly #output: Output;
  readonly #highWaterMark: number;
  #isGathering = false;
  #isFlushDue = false;
  // Made at the first flush of that kind, and not for each.
  #flushDue: (() => void) | undefined;
  #isWriting = false;
  #isStopped = false;
  #isAbove = false;
  readonly #events: SenderEvents;
  #drained: Deferred<void> | undefined;

  constructor(
    transport: Transport,
    output: Output,
    highWaterMark: number,
    events: SenderEvents = nobody,
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
    this.#isGathering = true;
  }

  /** Writes what was gathered, now or when the write under way is done. */
  flush(): void {
    this.#isGathering = false;
    this.#write();
  }

  /** Sees to it that what was just sent leaves, together with what else is sent meanwhile. */
  flushSoon(): void {
    if (this.#isGathering || this.#isFlushDue || this.#isWriting) return;
    this.#isFlushDue = true;
    this.#flushDue ??= () => {
      this.#isFlushDue = false;
      if (!this.#isGathering) this.#write();
    };
    void settled.then(this.#flushDue);
  }

  /** Gives what `send` returns: resolves when the unsent bytes are at the mark or below. */
  whenSent(): Promise<void> {
    if (this.#output.unsent <= this.#highWaterMark) return sent;
    this.#write();
    if (this.#output.unsent <= this.#highWaterMark) return sent;
    this.#isAbove = true;
    this.#drained ??= newDeferred<void>();
    return this.#drained.promise;
  }

  /** The write under way is done. */
  onDrain(): void {
    if (!this.#isWriting) return;
    this.#isWriting = false;
    this.#output.giveBack();
    this.#events.onRoom();
    this.#write();
  }

  /** Drops what is unsent; whoever waits gets what `reason` makes, which costs nothing where nobody does. */
  stop(reason: () => unknown): void {
    this.#isStopped = true;
    this.#output.clear();
    this.#drained?.reject(reason());
    this.#drained = undefined;
  }

  #write(): void {
    while (!this.#isWriting && !this.#isStopped) {
      const bytes = this.#output.take();
      if (bytes === undefined) break;
      if (this.#transport.write(bytes)) {
        this.#output.giveBack();
        this.#events.onRoom();
      } else {
        this.#isWriting = true;
      }
    }
    this.checkDrained();
  }

  /** Tells those who wait that the unsent bytes are at the mark or below, where they are. */
  checkDrained(): void {
    if (!this.#isAbove || this.#output.unsent > this.#highWaterMark) return;
    this.#isAbove = false;
    this.#drained?.resolve();
    this.#drained = undefined;
    // A handler that sends more from here must not find itself inside of its own call.
    queueMicrotask(() => {
      this.#events.onDrained();
    });
  }
}
