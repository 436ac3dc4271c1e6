/**
 * The current stream of an attempt to connect.
 *
 * @module
 */

import type { ByteStream } from "../../io/byte-stream.ts";
import { closeQuietly } from "../../io/close-quietly.ts";
import type { Attempt } from "../attempt.ts";

/** Holds the stream of one attempt. If the attempt fails, it closes the stream once. */
export class HeldStream {
  readonly #attempt: Attempt;
  #stream: ByteStream | undefined;

  constructor(attempt: Attempt) {
    this.#attempt = attempt;
  }

  /** The stream. Exists after the first {@link hold}. */
  get stream(): ByteStream {
    return this.#stream!;
  }

  /**
   * Holds a stream instead of the one from which it was made. If the attempt has already ended, the stream is closed at once.
   *
   * @throws The error that has ended the attempt.
   */
  hold(stream: ByteStream): void {
    this.#stream = stream;
    if (this.#attempt.aborted) this.close();
    this.#attempt.check();
  }

  /** Closes the stream, if there is one. */
  close(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream !== undefined) closeQuietly(stream);
  }
}
