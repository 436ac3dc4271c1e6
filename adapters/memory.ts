/**
 * Two transports joined back to back in memory: a connection without a network, for tests.
 *
 * @example
 * const [ours, theirs] = memoryPair();
 * server.accept(ours);
 * theirs.handler = { onData: (chunk) => ..., onDrain() {}, onEnd() {}, onClose() {} };
 * theirs.write(request);
 *
 * @module
 */

import type { Transport, TransportHandler } from "../src/transport.ts";

/** How a pair behaves. */
export interface MemoryOptions {
  /** Bytes that one side takes in before its reader has them; a write beyond it is borrowed. Default: Infinity. */
  readonly capacity?: number;
}

/** One end of a pair. Events come in microtasks of their own, never inside a call. */
export class MemoryTransport implements Transport {
  handler: TransportHandler = silent;
  readonly remoteAddress = "memory";
  readonly remotePort = undefined;
  readonly #capacity: number;
  #peer!: MemoryTransport;
  #inbox: Uint8Array[] = [];
  #inboxSize = 0;
  #borrowed: Uint8Array | undefined;
  #isPaused = false;
  #isEndDue = false;
  #hasEnded = false;
  #hasPeerEnded = false;
  #isEndTold = false;
  #isClosed = false;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Makes two ends each other's peer. */
  static join(left: MemoryTransport, right: MemoryTransport): void {
    left.#peer = right;
    right.#peer = left;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#isClosed || this.#isEndDue) return true;
    if (this.#peer.#inboxSize >= this.#capacity) {
      this.#borrowed = bytes;
      return false;
    }
    this.#peer.#take(bytes);
    return true;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake();
  }

  end(): void {
    if (this.#isEndDue || this.#isClosed) return;
    this.#isEndDue = true;
    if (this.#borrowed === undefined) this.#end();
  }

  destroy(): void {
    this.#close(undefined);
    this.#peer.#close(undefined);
  }

  /** Drops the connection as a network does: both ends get `error`. */
  reset(error: Error): void {
    this.#close(error);
    this.#peer.#close(error);
  }

  #take(bytes: Uint8Array): void {
    this.#inbox.push(bytes.slice());
    this.#inboxSize += bytes.length;
    this.#wake();
  }

  #end(): void {
    this.#hasEnded = true;
    this.#peer.#hasPeerEnded = true;
    this.#peer.#wake();
    this.#wake();
  }

  #wake(): void {
    queueMicrotask(() => {
      this.#deliver();
    });
  }

  #deliver(): void {
    while (!this.#isPaused && !this.#isClosed) {
      const chunk = this.#inbox.shift();
      if (chunk === undefined) break;
      this.#inboxSize -= chunk.length;
      this.handler.onData(chunk);
      this.#peer.#drain();
    }
    if (this.#isPaused || this.#isClosed || this.#inbox.length > 0) return;
    if (this.#hasPeerEnded && !this.#isEndTold) {
      this.#isEndTold = true;
      this.handler.onEnd();
    }
    if (this.#isEndTold && this.#hasEnded) this.#close(undefined);
  }

  #drain(): void {
    const bytes = this.#borrowed;
    if (bytes === undefined || this.#isClosed || this.#peer.#inboxSize >= this.#capacity) return;
    this.#borrowed = undefined;
    this.#peer.#take(bytes);
    if (this.#isEndDue) this.#end();
    queueMicrotask(() => {
      this.handler.onDrain();
    });
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    queueMicrotask(() => {
      this.handler.onClose(error);
    });
  }
}

/** Who listens until somebody does. */
const silent: TransportHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

/** Makes two transports that are each other's peer. */
export function memoryPair({ capacity = Infinity }: MemoryOptions = {}): [
  MemoryTransport,
  MemoryTransport,
] {
  const left = new MemoryTransport(capacity);
  const right = new MemoryTransport(capacity);
  MemoryTransport.join(left, right);
  return [left, right];
}
