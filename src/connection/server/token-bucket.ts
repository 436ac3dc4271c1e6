/**
 * A token bucket: how often something may happen, and how much of it at once.
 *
 * @module
 */

/** How often something may happen. */
export interface Rate {
  /** Times a second, above 0. */
  readonly perSecond: number;
  /** Times at once, from 1 on: tokens of a full bucket. */
  readonly burst: number;
}

/** Tokens, one for each time; they come back at a steady rate, up to the burst. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  /** When the tokens were counted, in milliseconds. */
  #at: number;

  /** Begins full. @param now In milliseconds. */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** Takes a token where there is a whole one; tells whether there was. */
  take(now: number): boolean {
    this.#fill(now);
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Takes a token that has been used already, be it there or not. */
  spend(now: number): void {
    this.#fill(now);
    this.#tokens--;
  }

  /** Milliseconds until there is a whole token; 0 where there is one. */
  wait(now: number): number {
    this.#fill(now);
    return (Math.max(0, 1 - this.#tokens) * 1000) / this.#rate.perSecond;
  }

  /** Tells whether nothing is missing: a new bucket would be the same. */
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
