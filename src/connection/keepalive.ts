/**
 * Whether a connection lives: pings that keep its way open, and the times after which it is given up.
 *
 * Theory of operation. There are four clocks, each a deadline that runs only where its option is set: the next ping, the pong that a
 * ping waits for, the idle time without messages, and the longest life. Events do not move deadlines: they note a time, and a
 * deadline that fires looks at the note and starts again for what is left. A pong that is late does not end the connection at once:
 * the peer has to be found silent, or stuck, twice, a tick apart, since this process may have been the one that stood still.
 *
 * @module
 */

import { type Deadline, type Deadlines, tick } from "../clock.ts";
import { TimeoutError } from "../errors.ts";
import type { Times } from "./settings.ts";

/** What liveness asks of its link. */
export interface KeepaliveEvents {
  /** Whether this side reads: what a peer has sent to one that does not read, nobody can hold against it. */
  readonly isReading: boolean;
  /** Whether bytes wait to be sent, or are with the transport: what a peer does not take, it can be blamed for. */
  readonly isStuck: boolean;
  /** Whether the process lives on for the connection. */
  readonly isHeld: boolean;
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

/** Tells whether a payload is that of a ping which was sent for the sake of liveness, or of its pong. */
export function isKeepalive(bytes: Uint8Array, start = 0, end: number = bytes.length): boolean {
  return end - start === pingSize && bytes[start] === mark[0] && bytes[start + 1] === mark[1];
}

/** What a look found a peer guilty of that has not answered a ping: found twice, a tick apart, it is lost. */
type Suspicion =
  /** Nothing, or it has not been looked yet. */
  | "none"
  /** Nothing comes from it. */
  | "silent"
  /** It takes nothing, and this side waits for that rather than read. */
  | "stuck";

/**
 * Watches one connection. Pings keep a way open and measure it; what ends a connection is each a time of its own.
 *
 * Life is progress: whole frames and messages count fully, and each byte on the way to one for as long as it may take at the
 * slowest. So two times are kept up to which a connection is known to have lived, and a byte moves them, up to now. They are
 * as coarse as ticks: nothing here reads a clock for a chunk or a message.
 */
export class Keepalive {
  readonly #events: KeepaliveEvents;
  readonly #deadlines: Deadlines;
  readonly #times: Times;
  /** Milliseconds of life that a byte buys. */
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

  // When a write that the transport did not take at once began, when one was taken, and up to when writes have moved.
  #blockedAt = 0;
  #tookAt = NaN;
  #stuckAt = 0;

  #activeAt = 0;
  #idleDeadline: Deadline | undefined;
  /** Milliseconds from the last ping to its pong; undefined before the first. */
  roundTripTime: number | undefined;

  constructor(events: KeepaliveEvents, deadlines: Deadlines, times: Times) {
    this.#events = events;
    this.#deadlines = deadlines;
    this.#times = times;
    // Finite, so that no bytes at all buy nothing.
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

  /** Says whether the process lives on for the connection. */
  hold(holds: boolean): void {
    this.#lifeDeadline?.hold(holds);
    this.#pingDeadline?.hold(holds);
    this.#pongDeadline?.hold(holds);
    this.#idleDeadline?.hold(holds);
  }

  /** The connection is closed, or about to be. */
  stop(): void {
    this.#isStopped = true;
    this.#lifeDeadline?.cancel();
    this.#pingDeadline?.cancel();
    this.#pongDeadline?.cancel();
    this.#idleDeadline?.cancel();
  }

  /**
   * Bytes have come from the peer. To be called once for each chunk.
   *
   * @param isInMessage Whether it ends inside of a message, or brought a piece of one.
   */
  heard(bytes: number, isInMessage: boolean): void {
    this.#aliveAt = this.#moved(this.#aliveAt, bytes);
    if (isInMessage) this.#activeAt = this.#moved(this.#activeAt, bytes);
  }

  /** A whole frame has come, of whatever kind. */
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

  /** A write is under way that the transport did not take at once. */
  blocked(): void {
    const now = this.#deadlines.coarseNow;
    // What waits behind a write follows it at once. Where time has passed since, nothing waited.
    if (now !== this.#tookAt) this.#stuckAt = now;
    this.#blockedAt = now;
  }

  /**
   * That write is done.
   *
   * @param isInMessage Whether it was of messages, or had a part of one. Default: true.
   */
  took(bytes: number, isInMessage = true): void {
    const now = this.#deadlines.coarseNow;
    this.#tookAt = now;
    if (isInMessage) this.#activeAt = this.#moved(this.#activeAt, bytes);
    // A kernel that has room takes bytes for a dead peer as well: what took no time is no sign of life.
    if (now === this.#blockedAt) return;
    this.#aliveAt = this.#moved(this.#aliveAt, bytes);
    this.#stuckAt = this.#moved(this.#stuckAt, bytes);
  }

  /** A ping was sent, by whomever: from now on something has to come. */
  pinged(): void {
    const { pongTimeout } = this.#times;
    // One that is still unanswered keeps its deadline.
    if (this.#isStopped || pongTimeout === Infinity || !this.#isAnswered) return;
    this.#isAnswered = false;
    this.#pongDeadline?.cancel();
    this.#awaitPong(pongTimeout, "none");
    // After the deadline was set: setting one brings the coarse time up to date.
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

  /** Up to when a connection is known to have lived, once so many bytes have moved. */
  #moved(livedUntil: number, bytes: number): number {
    const now = this.#deadlines.coarseNow;
    const moved = livedUntil + bytes * this.#lifeOfByte;
    return moved < now ? moved : now;
  }

  /** A ping keeps to its times, however late one was: a crowd that was late together spreads out again. */
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

  /** @param before What the look before this one found. */
  #lookForLife(before: Suspicion): void {
    if (this.#isAnswered) return;
    const { isReading, isStuck } = this.#events;
    const { pongTimeout } = this.#times;
    const now = this.#deadlines.coarseNow;
    if (!isReading && !isStuck) {
      // Its answer may lie where nobody has looked: it gets the whole time again.
      this.#aliveAt = now;
      this.#awaitPong(pongTimeout, "none");
      return;
    }
    const livedUntil = isReading ? this.#aliveAt : Math.max(this.#aliveAt, this.#stuckAt);
    // The tick that a coarse time may be later is the one of the second look.
    const left = this.#deadlines.latest(livedUntil) - tick + pongTimeout - now;
    const found = isReading ? "silent" : "stuck";
    if (left > 0) this.#awaitPong(left, "none");
    // This side may only just read again: a tick later it has read what came in time.
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

/** Tells whether there is anything to watch. */
export function needsKeepalive({
  pingInterval,
  pongTimeout,
  idleTimeout,
  maxLifetime,
}: Times): boolean {
  return Math.min(pingInterval, pongTimeout, idleTimeout, maxLifetime) < Infinity;
}
