/**
 * Does the calls of a writer one after the other, even if nobody awaits them.
 *
 * Theory of operation. While nothing is under way, a call acts at once and makes no promise. A call that takes time is
 * remembered, and the next call waits for it. An error is kept: each later call throws it. `reset` begins a new round. Calls of
 * an older round that still wait then fail; a call of an older round that is under way goes on, and has no effect on the new
 * round.
 *
 * A call is written so: `order.remember(order.isWaiting ? order.inTurn(() => this.#act()) : this.#act())`. `enter` and `leave`
 * stand around each call of the stream's own `write`. During that call the writer's buffer is lent, so that calls made from
 * within it wait at a gate until it is done.
 *
 * @module
 */

import { type Deferred, newDeferred } from "../deferred.ts";
import type { Awaitable } from "./byte-stream.ts";

/** The order of the calls of one writer: see above. */
export class CallOrder {
  /** The call under way, without its error: the next call waits for it. */
  #pending: Promise<void> | undefined;
  /** The first error in a wrapper, since the error itself may be undefined. */
  #failure: { readonly error: unknown } | undefined;
  #round = 0;
  /** The number of calls of the stream's `write` on the stack. */
  #inside = 0;
  /** Opens at the end of the call on the stack; calls from within it wait for it. */
  #gate: Deferred<void> | undefined;

  /** Counts resets. A call that has waited compares it with an earlier value. */
  get round(): number {
    return this.#round;
  }

  /** The first error, or undefined. */
  get error(): unknown {
    return this.#failure?.error;
  }

  /** Whether a call is under way. */
  get isBusy(): boolean {
    return this.#pending !== undefined;
  }

  /** Whether a new call must wait. Each call reads this first. @throws The error of an earlier call. */
  get isWaiting(): boolean {
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#pending !== undefined || this.#inside > 0;
  }

  /** Calls `act` after all earlier calls are done. */
  inTurn(act: () => Awaitable<void>): Promise<void> {
    return this.behind(this.#pending ?? (this.#gate ??= newDeferred<void>()).promise, act);
  }

  /** Says that the stream's `write` is about to be called. */
  enter(): void {
    this.#inside++;
  }

  /** Says that it has returned or thrown. */
  leave(): void {
    this.#inside--;
  }

  /**
   * Calls `act` after `before`.
   *
   * @throws {TypeError} There was a reset meanwhile: the bytes of `act` are dropped.
   * @throws The error of an earlier call.
   */
  behind(before: Promise<void>, act: () => Awaitable<void>): Promise<void> {
    const round = this.#round;
    return before.then(() => {
      this.check(round);
      if (this.#failure !== undefined) throw this.#failure.error;
      return act();
    });
  }

  /** @throws {TypeError} `round` is over. */
  check(round: number): void {
    if (this.#round !== round)
      throw new TypeError("The writer was reset: what it had not written was dropped");
  }

  /** Remembers a call that is under way, and returns its result unchanged. */
  remember(done: Awaitable<void>): Awaitable<void> {
    if (this.#gate !== undefined && this.#inside === 0) {
      // Calls from within are the ones under way now, and wait for this one.
      this.#openGate(done);
      return done;
    }
    if (!(done instanceof Promise)) return undefined;
    const forget = (): void => {
      if (this.#pending === pending) this.#pending = undefined;
    };
    const pending: Promise<void> = done.then(forget, forget);
    this.#pending = pending;
    return done;
  }

  /** Calls `act` after all earlier calls are done: now, if none is under way. */
  afterCalls(act: () => void): void {
    if (this.#pending === undefined) act();
    else void this.remember(this.inTurn(act));
  }

  /** Keeps an error of `round`, unless that round is over. @throws The error. */
  fail(error: unknown, round: number): never {
    if (this.#round === round) this.#failure = { error };
    this.#openGate(undefined);
    throw error;
  }

  #openGate(done: Awaitable<void>): void {
    const gate = this.#gate;
    if (gate === undefined) return;
    this.#gate = undefined;
    if (done instanceof Promise) done.then(gate.resolve, gate.resolve);
    else gate.resolve();
  }

  /** Begins a new round: no call is under way, and there is no error. */
  reset(): void {
    this.#pending = undefined;
    this.#failure = undefined;
    this.#round++;
    this.#openGate(undefined);
  }
}

/** Gives the result of a write. If nobody waits for it, the next call throws its error. */
export function countOf(done: Awaitable<void>, count: number): Awaitable<number> {
  if (!(done instanceof Promise)) return count;
  const counted = done.then(() => count);
  counted.catch(() => {});
  return counted;
}
