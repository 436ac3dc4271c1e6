/**
 * The calls of a writer, done one after the other though nobody awaits them.
 *
 * Theory of operation. While nothing is under way a call acts at once, and costs no promise. What takes its time is remembered,
 * and the next call waits for it. An error stays: each call from then on throws it. `reset` begins a new round: what still waits
 * in an older one fails, and what is under way there goes on by itself and changes nothing any more.
 *
 * A call reads: `order.remember(order.isWaiting ? order.inTurn(() => this.#act()) : this.#act())`. Around each call of the stream's
 * own `write` stand `enter` and `leave`: what is called from within it, where the writer's buffer is lent, waits at a gate for the
 * call around it.
 *
 * @module
 */

import { type Deferred, newDeferred } from "../deferred.ts";
import type { Awaitable } from "./byte-stream.ts";

/** See above. */
export class CallOrder {
  /** What is under way, errors left out: the next call waits for it. */
  #pending: Promise<void> | undefined;
  /** What went wrong, which may be undefined itself. */
  #failure: { readonly error: unknown } | undefined;
  #round = 0;
  /** How many calls of the stream's `write` are on the stack. */
  #inside = 0;
  /** What calls from within wait for: the end of the call around them. */
  #gate: Deferred<void> | undefined;

  /** Counts resets: who waited compares it with what it was. */
  get round(): number {
    return this.#round;
  }

  /** What went wrong, undefined where nothing did. */
  get error(): unknown {
    return this.#failure?.error;
  }

  /** Whether something is under way. */
  get isBusy(): boolean {
    return this.#pending !== undefined;
  }

  /** The same, asked first by each call. @throws The error that stays. */
  get isWaiting(): boolean {
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#pending !== undefined || this.#inside > 0;
  }

  /** Does `act` when all that was begun before is done. */
  inTurn(act: () => Awaitable<void>): Promise<void> {
    return this.behind(this.#pending ?? (this.#gate ??= newDeferred<void>()).promise, act);
  }

  /** The stream's `write` is about to be called. */
  enter(): void {
    this.#inside++;
  }

  /** It has returned, or thrown. */
  leave(): void {
    this.#inside--;
  }

  /**
   * Does `act` behind `before`.
   *
   * @throws {TypeError} There was a reset meanwhile: what `act` would have sent is dropped.
   * @throws The error of what came before.
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
    if (this.#round !== round) throw new TypeError("The writer was reset: this was dropped");
  }

  /** Remembers what is under way; gives it as it is. */
  remember(done: Awaitable<void>): Awaitable<void> {
    if (this.#gate !== undefined && this.#inside === 0) {
      // What was called from within is under way now, and goes on behind this.
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

  /** Does `act` when all that was begun before is done: now, where nothing is under way. */
  afterCalls(act: () => void): void {
    if (this.#pending === undefined) act();
    else void this.remember(this.inTurn(act));
  }

  /** Keeps an error of `round`, unless that is over. @throws The error. */
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

  /** Begins anew: nothing is under way, nothing has failed. */
  reset(): void {
    this.#pending = undefined;
    this.#failure = undefined;
    this.#round++;
    this.#openGate(undefined);
  }
}

/** A write's result; who does not wait for it learns of an error by the next call. */
export function countOf(done: Awaitable<void>, count: number): Awaitable<number> {
  if (!(done instanceof Promise)) return count;
  const counted = done.then(() => count);
  counted.catch(() => {});
  return counted;
}
