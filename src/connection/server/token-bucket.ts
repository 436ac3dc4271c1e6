/**
 * A token bucket limits how often something may happen, and how many times at once.
 *
 * @module
 */

/** How often something may happen. */
export interface Rate {
  /** Times a second, above 0. */
  readonly perSecond: number;
  /** Times at once, at least 1: the tokens of a full bucket. */
  readonly burst: number;
}

/** A bucket of tokens. Each event takes one token; tokens come back at a steady rate, up to `burst`. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  /** The time at which the tokens were counted, in milliseconds. */
  #at: number;

  /** Starts full. @param now The time in milliseconds. */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Takes a token if there is a whole one, and tells whether there was. */
  take(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Takes a token for an event that has already happened, even if there is none. */
  spend(now: number): void {
    this.#fill(now);
    this.#tokens--;
  }

  /** Milliseconds until there is a whole token; 0 if there is one. */
  wait(now: number): number {
    this.#fill(now);
    return (Math.max(0, 1 - this.#tokens) * 1000) / this.#rate.perSecond;
  }

  /** Tells whether the bucket is full, and so equal to a new one. */
  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens === this.#rate.burst;
  }

  #fill(now: number): void {
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) * perSecond) / 1000);
    this.#at = now;
  }
}
