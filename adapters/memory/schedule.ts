/**
 * How a connection in memory misbehaves: pieces, delays and failures, the same ones for the same seed.
 *
 * @module
 */

/** How a pair behaves. */
export interface MemoryOptions {
  /** Bytes that one side takes in before its reader has them; a write beyond it is borrowed. Default: Infinity. */
  readonly capacity?: number | undefined;
  /** What pieces and delays follow from, an integer: same seed, same course, on every runtime. Default: 1. */
  readonly seed?: number | undefined;
  /** Longest piece in bytes, from 1, that a write is delivered in; sizes vary with the seed. Default: it comes whole. */
  readonly cut?: number | undefined;
  /** Most microtasks, from 0, that a piece waits beyond the one it needs; their number varies with the seed. Default: 0. */
  readonly delay?: number | undefined;
  /**
   * Number, from 1, of the operation that fails: both ends are then reset, with a {@link MemoryFailure}. Writes,
   * deliveries and drains of both ends are counted together. Default: none does.
   */
  readonly failAt?: number | undefined;
}

/** What both ends are closed with where an operation was to fail. */
export class MemoryFailure extends Error {
  /** The class's own name. */
  override readonly name = "MemoryFailure";
  /** Which one it was. */
  readonly operation: number;

  /**
   * Makes the failure of one operation.
   *
   * @param operation Its number, from 1.
   */
  constructor(operation: number) {
    super(`Operation ${operation} failed, as the option failAt wants it`);
    this.operation = operation;
  }
}

/** What both ends of a pair share. */
export class MemorySchedule {
  readonly capacity: number;
  /** Operations until now. */
  operations = 0;
  readonly #cut: number;
  readonly #delay: number;
  readonly #failAt: number;
  #state: number;

  /** @throws {RangeError} A number is out of its range. */
  constructor(options: MemoryOptions) {
    this.capacity = options.capacity ?? Infinity;
    this.#cut = inRange("cut", options.cut ?? Infinity, 1);
    this.#delay = inRange("delay", options.delay ?? 0, 0);
    this.#failAt = inRange("failAt", options.failAt ?? Infinity, 1);
    this.#state = options.seed ?? 1;
  }

  /** Counts an operation, and gives the failure where it is to fail. */
  count(): MemoryFailure | undefined {
    return ++this.operations === this.#failAt ? new MemoryFailure(this.operations) : undefined;
  }

  /** Bytes of the next piece of `length`. */
  pieceOf(length: number): number {
    if (this.#cut === Infinity) return length;
    return Math.min(length, 1 + this.#random(this.#cut));
  }

  /** Calls `task` in a later microtask. */
  soon(task: () => void): void {
    let left = this.#delay === 0 ? 0 : this.#random(this.#delay + 1);
    const turn = (): void => {
      if (left-- > 0) queueMicrotask(turn);
      else task();
    };
    queueMicrotask(turn);
  }

  /** An integer from 0 to `count` - 1: a linear congruential generator, of which the upper bits are good. */
  #random(count: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * count);
  }
}

function inRange(name: string, value: number, least: number): number {
  if (value === Infinity || (Number.isInteger(value) && value >= least)) return value;
  throw new RangeError(`${name} must be an integer from ${least} on: ${value}`);
}
