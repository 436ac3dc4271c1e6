/**
 * Keeps a connection alive by pings, and ends it when one of its times is over.
 *
 * Theory of operation. There are four deadlines, and each runs only if its option is set: the next ping, the pong for a ping, the
 * idle time without messages, and the longest life. Events do not move these deadlines. They only note a time; when a deadline
 * fires, it reads the note and starts again for the time that is left. A missing pong does not end the connection at once: the
 * peer must be found silent or stuck in two checks, one tick apart, because this process itself may have been stopped.
 *
 * @module
 */

import { type Deadline, type Deadlines, tick } from "../clock.ts";
import { TimeoutError } from "../errors.ts";
import type { Times } from "./settings.ts";

/** The part of a link that its keepalive uses. */
export interface KeepaliveEvents {
  /** Whether this side reads. If it does not, the peer's pong may have arrived unread, so the peer is not to blame. */
  readonly isReading: boolean;
  /** Whether bytes wait to be sent, or are with the transport. The peer is to blame if it does not take them. */
  readonly isStuck: boolean;
  /** Whether the connection keeps the process alive. */
  readonly isHeld: boolean;
  /** It is time for a ping. */
  sendPing(payload: Uint8Array): void;
  /** The peer has not answered in time: drop the connection. */
  onLost(error: TimeoutError): void;
  /** A time is over: close the connection. */
  onDue(error: TimeoutError): void;
}

/** The first bytes, "fw", of a keepalive ping's payload. A number of four bytes follows. */
const mark = [0x66, 0x77] as const;
const pingSize = 6;

/** Tells whether a payload belongs to a keepalive ping or to its pong. */
export function isKeepalive(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
  return end - start === pingSize && bytes[start] === mark[0] && bytes[start + 1] === mark[1];
}

/**
 * The result of the last check of a peer that has not answered a ping. Two equal results in a row, one tick apart, mean that the
 * peer is lost.
 */
type Suspicion =
  /** No problem, or there was no check yet. */
  | "none"
  /** The peer sends nothing. */
  | "silent"
  /** The peer takes nothing, and this side does not read before the peer takes something. */
  | "stuck";

/**
 * Watches one connection. Pings keep it alive and measure the round trip; each of the four times can end it.
 *
 * Progress counts as life. A whole frame or message sets the time of life to now. Each byte of an incomplete one moves it forward
 * by 1000 / `minProgress` milliseconds, at most up to now. The times are as coarse as ticks, because reading a clock for each
 * chunk or message would cost too much.
 */
export class Keepalive {
  readonly #events: KeepaliveEvents;
  readonly #deadlines: Deadlines;
  readonly #times: Times;
  /** Milliseconds by which one byte moves the time of life. */
  readonly #lifeOfByte: number;
  #isStopped = false;
  #lifeDeadline: Deadline | undefined;

  #pings = 0;
  #pingedAt = 0;
  #pingDueAt = 0;
  #pingDeadline: Deadline | undefined;

  #isAnswered = true;
  #aliveAt = 0;
  #pongDeadline: Deadline | undefined;

  // Time at which the current blocked write began, time at which the last one ended, and time up to which writes made progress.
  #blockedAt = 0;
  #tookAt = NaN;
  #stuckAt = 0;

  #activeAt = 0;
  #idleDeadline: Deadline | undefined;
  /** Milliseconds between the last ping and its pong; undefined before the first pong. */
  roundTripTime: number | undefined;

  constructor(events: KeepaliveEvents, deadlines: Deadlines, times: Times) {
    this.#events = events;
    this.#deadlines = deadlines;
    this.#times = times;
    // A finite number, because 0 bytes times Infinity would be NaN.
    this.#lifeOfByte = times.minProgress === Infinity ? Number.MAX_VALUE : 1000 / times.minProgress;
  }

  /** The connection is open. */
  start(): void {
    const { pingInterval, idleTimeout, maxLifetime } = this.#times;
    if (pingInterval < Infinity) {
      this.#pingDueAt = this.#deadlines.now();
      this.#awaitPing();
    }
    if (maxLifetime < Infinity) {
      this.#lifeDeadline = this.#after(maxLifetime, () => {
        this.#events.onDue(new TimeoutError("MAX_LIFETIME", maxLifetime));
      });
    }
    if (idleTimeout < Infinity) {
      this.#awaitIdle(idleTimeout);
      this.#activeAt = this.#deadlines.coarseNow;
    }
  }

  /** Sets whether the deadlines keep the process alive. */
  hold(holds: boolean): void {
    this.#lifeDeadline?.hold(holds);
    this.#pingDeadline?.hold(holds);
    this.#pongDeadline?.hold(holds);
    this.#idleDeadline?.hold(holds);
  }

  /** The connection is closed or closing. */
  stop(): void {
    this.#isStopped = true;
    this.#lifeDeadline?.cancel();
    this.#pingDeadline?.cancel();
    this.#pongDeadline?.cancel();
    this.#idleDeadline?.cancel();
  }

  /**
   * Bytes have come from the peer. Called once for each chunk.
   *
   * @param isInMessage Whether the chunk ends inside a message, or contained a piece of one.
   */
  heard(bytes: number, isInMessage: boolean): void {
    this.#aliveAt = this.#moved(this.#aliveAt, bytes);
    if (isInMessage) this.#activeAt = this.#moved(this.#activeAt, bytes);
  }

  /** A whole frame has come, of any type. */
  framed(): void {
    this.#isAnswered = true;
  }

  /** A whole message has come. */
  messaged(): void {
    this.framed();
    this.used();
  }

  /** A whole message has come or was sent. */
  used(): void {
    this.#activeAt = this.#deadlines.coarseNow;
  }

  /** A write began that the transport did not take at once. */
  blocked(): void {
    const now = this.#deadlines.coarseNow;
    // A write that waited follows the previous one in the same tick. If a tick has passed since, no write was waiting.
    if (now !== this.#tookAt) this.#stuckAt = now;
    this.#blockedAt = now;
  }

  /**
   * The blocked write is done.
   *
   * @param isInMessage Whether the write contained messages or parts of them. Default: true.
   */
  took(bytes: number, isInMessage = true): void {
    const now = this.#deadlines.coarseNow;
    this.#tookAt = now;
    if (isInMessage) this.#activeAt = this.#moved(this.#activeAt, bytes);
    // A write that takes no time is not a sign of life, because a kernel with free buffers takes bytes for a dead peer too.
    if (now === this.#blockedAt) return;
    this.#aliveAt = this.#moved(this.#aliveAt, bytes);
    this.#stuckAt = this.#moved(this.#stuckAt, bytes);
  }

  /** A ping was sent, by this keepalive or by the application. From now on the peer must answer. */
  pinged(): void {
    const { pongTimeout } = this.#times;
    // If an earlier ping is still unanswered, its deadline stays.
    if (this.#isStopped || pongTimeout === Infinity || !this.#isAnswered) return;
    this.#isAnswered = false;
    this.#pongDeadline?.cancel();
    this.#awaitPong(pongTimeout, "none");
    // This must follow the line above, because setting a deadline updates the coarse time.
    this.#aliveAt = this.#deadlines.coarseNow;
  }

  /** A pong has come. */
  ponged(bytes: Uint8Array, start: number, end: number): void {
    if (!isKeepalive(bytes, start, end)) return;
    const number = new DataView(bytes.buffer, bytes.byteOffset + start + 2).getUint32(0);
    if (number === this.#pings) this.roundTripTime = this.#deadlines.now() - this.#pingedAt;
  }

  #after(milliseconds: number, task: () => void): Deadline {
    return this.#deadlines.after(milliseconds, task, this.#events.isHeld);
  }

  /** Gives the time up to which the connection has lived, after `bytes` more have moved. */
  #moved(livedUntil: number, bytes: number): number {
    const now = this.#deadlines.coarseNow;
    const moved = livedUntil + bytes * this.#lifeOfByte;
    return moved < now ? moved : now;
  }

  /** Sets the next ping to a multiple of the interval. So connections whose pings were late together do not stay together. */
  #awaitPing(): void {
    const { pingInterval } = this.#times;
    const now = this.#deadlines.now();
    const left = pingInterval - ((now - this.#pingDueAt) % pingInterval);
    this.#pingDueAt = now + left;
    this.#pingDeadline = this.#after(left, () => {
      this.#ping();
    });
  }

  #ping(): void {
    this.#pings = (this.#pings + 1) >>> 0;
    const payload = new Uint8Array(pingSize);
    payload.set(mark);
    new DataView(payload.buffer).setUint32(2, this.#pings);
    this.#pingedAt = this.#deadlines.now();
    this.#awaitPing();
    this.#events.sendPing(payload);
  }

  #awaitPong(milliseconds: number, suspicion: Suspicion): void {
    this.#pongDeadline = this.#after(milliseconds, () => {
      this.#lookForLife(suspicion);
    });
  }

  /** @param before The result of the previous check. */
  #lookForLife(before: Suspicion): void {
    if (this.#isAnswered) return;
    const { isReading, isStuck } = this.#events;
    const { pongTimeout } = this.#times;
    const now = this.#deadlines.coarseNow;
    if (!isReading && !isStuck) {
      // The pong may have arrived, but this side has not read it. So the peer gets the whole time again.
      this.#aliveAt = now;
      this.#awaitPong(pongTimeout, "none");
      return;
    }
    const livedUntil = isReading ? this.#aliveAt : Math.max(this.#aliveAt, this.#stuckAt);
    // `latest` adds the tick by which a coarse time may be late. It is subtracted here, because the second check comes a tick
    // later.
    const left = this.#deadlines.latest(livedUntil) - tick + pongTimeout - now;
    const found = isReading ? "silent" : "stuck";
    if (left > 0) this.#awaitPong(left, "none");
    // This side may have begun to read only now. One tick later it has read everything that came in time.
    else if (found !== before) this.#awaitPong(tick, found);
    else this.#events.onLost(new TimeoutError("PONG_TIMEOUT", pongTimeout));
  }

  #awaitIdle(milliseconds: number): void {
    this.#idleDeadline = this.#after(milliseconds, () => {
      this.#checkIdle();
    });
  }

  #checkIdle(): void {
    const { idleTimeout } = this.#times;
    const left = this.#deadlines.latest(this.#activeAt) + idleTimeout - this.#deadlines.coarseNow;
    if (left > 0) this.#awaitIdle(left);
    else this.#events.onDue(new TimeoutError("IDLE_TIMEOUT", idleTimeout));
  }
}

/** Tells whether a connection needs a keepalive. */
export function needsKeepalive({
  pingInterval,
  pongTimeout,
  idleTimeout,
  maxLifetime,
}: Times): boolean {
  return Math.min(pingInterval, pongTimeout, idleTimeout, maxLifetime) < Infinity;
}
