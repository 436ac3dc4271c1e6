/**
 * The stream that an attempt to connect has got so far.
 *
 * @module
 */

import type { ByteStream } from "../../io/byte-stream.ts";
import { closeQuietly } from "../../io/close-quietly.ts";
import type { Attempt } from "../attempt.ts";

/** Holds the stream of one attempt, and closes it, once, where the attempt fails. */
export class HeldStream {
  readonly #attempt: Attempt;
  #stream: ByteStream | undefined;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  /** The stream; there is one after the first {@link hold}. */
  get stream(): ByteStream {
    return this.#stream!;
  }

  /**
   * Takes a stream in the place of the one that it was made of. A stream that comes after the attempt has ended is closed at once.
   *
   * @throws Why the attempt has ended, where it has.
   */
  hold(stream: ByteStream): void {
    this.#stream = stream;
    if (this.#attempt.aborted) this.close();
    this.#attempt.check();
  }

  /** Closes the stream, where there is one. */
  close(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream !== undefined) closeQuietly(stream);
  }
}
