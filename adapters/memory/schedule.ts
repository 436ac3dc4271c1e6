/**
 * How a connection in memory misbehaves: pieces, delays and failures, equal for equal seeds.
 *
 * @module
 */

/** Options of a pair of transports. */
export interface MemoryOptions {
  /** Bytes that one side accepts before its reader has taken them; a write beyond that is borrowed. Default: Infinity. */
  readonly capacity?: number | undefined;
  /** Determines pieces and delays, an integer: the same seed gives the same behaviour on every runtime. Default: 1. */
  readonly seed?: number | undefined;
  /**
   * Longest piece, in bytes from 1, in which a write is delivered; the sizes vary with the seed. Default: a write comes whole.
   */
  readonly cut?: number | undefined;
  /** Additional microtasks, from 0, that a piece waits, at most; the number varies with the seed. Default: 0. */
  readonly delay?: number | undefined;
  /**
   * Number, from 1, of the operation that fails: both ends are then reset, with a {@link MemoryFailure}. Writes,
   * deliveries and drains of both ends count together. Default: no operation fails.
   */
  readonly failAt?: number | undefined;
}

/** The error with which both ends are closed when the operation `failAt` fails. */
export class MemoryFailure extends Error {
  /** The class's own name. */
  override readonly name = "MemoryFailure";
  /** The number of the operation. */
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

/** The state that both ends of a pair share. */
export class MemorySchedule {
  readonly capacity: number;
  /** Operations so far. */
  operations = 0;
  readonly #cut: number;
  readonly #delay: number;
  readonly #failAt: number;
  #state: number;

  /** @throws {RangeError} A number is out of range. */
  constructor(options: MemoryOptions) {
    this.capacity = options.capacity ?? Infinity;
    this.#cut = inRange("cut", options.cut ?? Infinity, 1);
    this.#delay = inRange("delay", options.delay ?? 0, 0);
    this.#failAt = inRange("failAt", options.failAt ?? Infinity, 1);
    this.#state = options.seed ?? 1;
  }

  /** Counts an operation, and gives the failure if the operation must fail. */
  count(): MemoryFailure | undefined {
    return ++this.operations === this.#failAt ? new MemoryFailure(this.operations) : undefined;
  }

  /** Gives the size of the next piece of `length` bytes. */
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

  /** Gives an integer from 0 to `count` - 1, by a linear congruential generator, whose upper bits are random enough. */
  #random(count: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * count);
  }
}

function inRange(name: string, value: number, least: number): number {
  if (value === Infinity || (Number.isInteger(value) && value >= least)) return value;
  throw new RangeError(`${name} must be an integer from ${least} on: ${value}`);
}
