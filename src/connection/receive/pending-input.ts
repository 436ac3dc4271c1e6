/**
 * Received bytes that the endpoint has not yet taken.
 *
 * @module
 */

import { copy } from "../../bytes.ts";
import type { Endpoint } from "../../endpoint/endpoint.ts";
import { borrowBuffer, returnBuffer } from "../../endpoint/pool.ts";

/** Keeps bytes for an endpoint, in a borrowed buffer, because a slow handler's connection keeps many one after the other. */
export class PendingInput {
  #buffer: Uint8Array | undefined;
  // The filled part of the buffer, made when it is given to the endpoint. Its length says how many bytes may follow a message.
  #filled: Uint8Array | undefined;
  #start = 0;
  #end = 0;

  /** Whether it holds no bytes. */
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

  /** Gives the bytes to the endpoint, as many as it takes. */
  giveTo(endpoint: Endpoint): void {
    const buffer = this.#buffer!;
    this.#filled ??= buffer.subarray(0, this.#end);
    const taken = endpoint.receive(this.#filled, this.#start);
    // The bytes were dropped during the call.
    if (this.#buffer !== buffer) return;
    this.#start = taken;
    if (!this.isEmpty) return;
    this.drop();
    returnBuffer(buffer);
  }

  /** Drops the bytes. The buffer is not given back for reuse, because the endpoint may still read it. */
  drop(): void {
    this.#buffer = undefined;
    this.#filled = undefined;
    this.#start = 0;
    this.#end = 0;
  }

  /** Moves the bytes to the start of a buffer of at least `size` bytes. */
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
