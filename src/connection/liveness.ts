/**
 * Whether a connection lives: pings that keep its way open, and the times after which it is given up.
 *
 * @module
 */

import { type Deadline, type Deadlines, tick } from "../clock.ts";
import { TimeoutError } from "../errors.ts";
import type { Times } from "./options.ts";

/** What liveness asks of its link. */
export interface LivenessEvents {
  /** Whether this side reads: what a peer has sent to one that does not read, nobody can hold against it. */
  readonly isReading: boolean;
  /** A ping is due. */
  sendPing(payload: Uint8Array): void;
  /** The peer is gone, as far as anybody can tell. */
  onLost(error: TimeoutError): void;
  /** It is time to close. */
  onDue(error: TimeoutError): void;
}

/** Begins the payload of pings that are sent for the sake of liveness: "fw", and a number of four bytes. */
const mark = [0x66, 0x77] as const;
const pingSize = 6;

/**
 * Watches one connection. Pings keep a way open and measure it; what ends a connection is each a time of its own.
 */
export class Liveness {
  readonly #events: LivenessEvents;
  readonly #deadlines: Deadlines;
  readonly #times: Times;
  readonly #running = new Set<Deadline>();
  #pings = 0;
  #pingedAt = 0;
  #pongDeadline: Deadline | undefined;
  #hasHeard = false;
  #activeAt = 0;
  #isStopped = false;
  /** Milliseconds from the last ping to its pong; undefined before the first. */
  roundTripTime: number | undefined;

  constructor(events: LivenessEvents, deadlines: Deadlines, times: Times) {
    this.#events = events;
    this.#deadlines = deadlines;
    this.#times = times;
  }

  /** The connection is open. */
  start(): void {
    const { pingInterval, idleTimeout, maxLifetime } = this.#times;
    this.#after(pingInterval, () => {
      this.#ping();
    });
    this.#after(maxLifetime, () => {
      this.#events.onDue(new TimeoutError("MAX_LIFETIME", maxLifetime));
    });
    this.#activeAt = this.#deadlines.now();
    this.#after(idleTimeout, () => {
      this.#checkIdle();
    });
  }

  /** The connection is closed, or about to be. */
  stop(): void {
    this.#isStopped = true;
    for (const deadline of this.#running) deadline.cancel();
    this.#running.clear();
  }

  /** Something has come from the peer. */
  heard(): void {
    this.#hasHeard = true;
  }

  /** A message has come or was sent. To be called for each: it reads no clock. */
  used(): void {
    this.#activeAt = this.#deadlines.coarseNow;
  }

  /** A ping was sent, by whomever: from now on something has to come. */
  pinged(): void {
    const { pongTimeout } = this.#times;
    if (this.#isStopped || pongTimeout === Infinity) return;
    if (this.#pongDeadline !== undefined) {
      // One that is still unanswered keeps its deadline.
      if (!this.#hasHeard) return;
      this.#pongDeadline.cancel();
      this.#running.delete(this.#pongDeadline);
    }
    this.#hasHeard = false;
    this.#awaitPong(false);
  }

  /** A pong has come. */
  ponged(bytes: Uint8Array, start: number, end: number): void {
    if (end - start !== pingSize || bytes[start] !== mark[0] || bytes[start + 1] !== mark[1])
      return;
    const number = new DataView(bytes.buffer, bytes.byteOffset + start + 2).getUint32(0);
    if (number === this.#pings) this.roundTripTime = this.#deadlines.now() - this.#pingedAt;
  }

  #after(milliseconds: number, task: () => void): Deadline {
    const deadline = this.#deadlines.after(milliseconds, () => {
      this.#running.delete(deadline);
      task();
    });
    this.#running.add(deadline);
    return deadline;
  }

  #ping(): void {
    this.#pings = (this.#pings + 1) >>> 0;
    const payload = new Uint8Array(pingSize);
    payload.set(mark);
    new DataView(payload.buffer).setUint32(2, this.#pings);
    this.#pingedAt = this.#deadlines.now();
    this.#after(this.#times.pingInterval, () => {
      this.#ping();
    });
    this.#events.sendPing(payload);
  }

  #awaitPong(isLastLook: boolean): void {
    const { pongTimeout } = this.#times;
    this.#pongDeadline = this.#after(isLastLook ? tick : pongTimeout, () => {
      this.#pongDeadline = undefined;
      if (this.#hasHeard) return;
      if (!this.#events.isReading) this.#awaitPong(false);
      // This side may only just read again: a tick later it has read what came in time.
      else if (!isLastLook) this.#awaitPong(true);
      else this.#events.onLost(new TimeoutError("PONG_TIMEOUT", pongTimeout));
    });
  }

  #checkIdle(): void {
    const { idleTimeout } = this.#times;
    const left = this.#deadlines.latest(this.#activeAt) + idleTimeout - this.#deadlines.now();
    if (left <= 0) {
      this.#events.onDue(new TimeoutError("IDLE_TIMEOUT", idleTimeout));
      return;
    }
    this.#after(left, () => {
      this.#checkIdle();
    });
  }
}

/** Tells whether there is anything to watch. */
export function needsLiveness({
  pingInterval,
  pongTimeout,
  idleTimeout,
  maxLifetime,
}: Times): boolean {
  return Math.min(pingInterval, pongTimeout, idleTimeout, maxLifetime) < Infinity;
}
