import { concat } from "../../src/bytes.ts";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import type { Awaitable, ByteStream, ByteWriter } from "../../src/io/byte-stream.ts";

/** How a {@link TestStream} behaves. */
export interface TestStreamOptions {
  /** Whether a call, counted from 0, answers by a promise. Default: none does. */
  readonly later?: (call: number) => boolean;
  /** Bytes that one write takes at the most. Default: all. */
  readonly most?: number;
  /** What the end of the pieces is told by. Default: 0. */
  readonly end?: number | null;
}

/**
 * A stream that gives its pieces, at most one a read, and writes down what it takes. What is lent to a call that answers
 * by a promise is looked at when that is done, so that who uses it meanwhile is found out.
 */
export class TestStream implements ByteStream {
  /** Bytes that each read had room for. */
  readonly asked: number[] = [];
  /** What each write took. */
  readonly writes: Uint8Array[] = [];
  closes = 0;
  readonly #pieces: Uint8Array[];
  readonly #options: TestStreamOptions;
  #calls = 0;

  constructor(pieces: readonly Uint8Array[] = [], options: TestStreamOptions = {}) {
    this.#pieces = pieces.filter((piece) => piece.length > 0);
    this.#options = options;
  }

  /** What has not been read. */
  get left(): Uint8Array {
    return concat(this.#pieces);
  }

  /** All that has been written. */
  get written(): Uint8Array {
    return concat(this.writes);
  }

  read(into: Uint8Array): Awaitable<number | null> {
    this.asked.push(into.length);
    return this.#answer(() => this.#give(into));
  }

  #give(into: Uint8Array): number | null {
    const [piece] = this.#pieces;
    const { end = 0 } = this.#options;
    if (piece === undefined) return end;
    const count = Math.min(piece.length, into.length);
    into.set(piece.subarray(0, count));
    if (count === piece.length) this.#pieces.shift();
    else this.#pieces[0] = piece.subarray(count);
    return count;
  }

  write(from: Uint8Array): Awaitable<number> {
    const count = Math.min(from.length, this.#options.most ?? Infinity);
    return this.#answer(() => {
      this.writes.push(Uint8Array.from(from.subarray(0, count)));
      return count;
    });
  }

  close(): void {
    this.closes++;
  }

  #answer<Value>(act: () => Value): Awaitable<Value> {
    const { later } = this.#options;
    return later?.(this.#calls++) === true ? Promise.resolve().then(act) : act();
  }
}

/** The ways of a stream to answer: all at once, all by promises, in turns. */
export const paces: readonly (readonly [name: string, later: (call: number) => boolean])[] = [
  ["at once", () => false],
  ["later", () => true],
  ["in turns", (call) => call % 2 === 1],
];

/** A stream whose writes are done one by one, when the test says so. */
export class HeldWriter implements ByteWriter {
  readonly written: Uint8Array[] = [];
  readonly #held: { readonly from: Uint8Array; readonly deferred: Deferred<number> }[] = [];

  write(from: Uint8Array): Promise<number> {
    const deferred = newDeferred<number>();
    this.#held.push({ from, deferred });
    return deferred.promise;
  }

  /** Writes that are under way. */
  get held(): number {
    return this.#held.length;
  }

  /** Does the oldest write, as it looks by now. */
  async release(): Promise<void> {
    const { from, deferred } = this.#held.shift()!;
    this.written.push(Uint8Array.from(from));
    deferred.resolve(from.length);
    await microtasks();
  }

  /** Lets the oldest write fail. */
  async fail(error: Error): Promise<void> {
    this.#held.shift()!.deferred.reject(error);
    await microtasks();
  }
}

/** Lets so many rounds of microtasks run. */
export async function microtasks(rounds = 20): Promise<void> {
  for (let round = 0; round < rounds; round++) await Promise.resolve();
}

/** A value that must have come without a promise. */
export function plain<Value>(value: Awaitable<Value>): Value {
  if (value instanceof Promise) throw new Error("It took a promise");
  return value;
}

/** Tells whether a call throws, or rejects, whatever it is by: it may be undefined. */
export async function throws(act: () => unknown): Promise<boolean> {
  try {
    await act();
    return false;
  } catch {
    return true;
  }
}

/** What a call throws, now or later; undefined where it throws nothing. */
export async function failure(act: () => unknown): Promise<unknown> {
  try {
    await act();
  } catch (error) {
    return error;
  }
  return undefined;
}
