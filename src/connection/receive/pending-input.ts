/**
 * Bytes that have come and wait for their turn.
 *
 * @module
 */

import { copy } from "../../bytes.ts";
import type { Endpoint } from "../../endpoint/endpoint.ts";
import { borrowBuffer, returnBuffer } from "../../endpoint/pool.ts";

/** Holds what an endpoint has not taken yet, in a buffer that is lent: a slow handler's connection holds many in turn. */
export class PendingInput {
  #buffer: Uint8Array | undefined;
  // The buffer as far as it is filled, made when it is given: events measure by it what may follow a message.
  #filled: Uint8Array | undefined;
  #start = 0;
  #end = 0;

  /** Whether nothing is held. */
  get isEmpty(): boolean {
    return this.#start === this.#end;
  }

  /** Adds a copy of `chunk` from `start` on. */
  add(chunk: Uint8Array, start: number): void {
    const size = chunk.length - start;
    const whole = this.#end - this.#start + size;
    if (this.#buffer === undefined || this.#buffer.length - this.#end < size) this.#move(whole);
    copy(this.#buffer!, this.#end, chunk, start, chunk.length);
    this.#end += size;
    this.#filled = undefined;
  }

  /** Gives it to the endpoint, as much of it as that takes. */
  giveTo(endpoint: Endpoint): void {
    const buffer = this.#buffer!;
    this.#filled ??= buffer.subarray(0, this.#end);
    const taken = endpoint.receive(this.#filled, this.#start);
    // Dropped meanwhile.
    if (this.#buffer !== buffer) return;
    this.#start = taken;
    if (!this.isEmpty) return;
    this.drop();
    returnBuffer(buffer);
  }

  /** Drops what is held. The buffer is lent no more, since somebody may be at work with it. */
  drop(): void {
    this.#buffer = undefined;
    this.#filled = undefined;
    this.#start = 0;
    this.#end = 0;
  }

  /** Moves what is held to the start of a buffer with room for `size` bytes. */
  #move(size: number): void {
    const next = borrowBuffer(size);
    const length = this.#end - this.#start;
    if (this.#buffer !== undefined) {
      copy(next, 0, this.#buffer, this.#start, this.#end);
      returnBuffer(this.#buffer);
    }
    this.#buffer = next;
    this.#start = 0;
    this.#end = length;
  }
}
