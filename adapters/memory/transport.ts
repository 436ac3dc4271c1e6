/**
 * Two transports in memory that are connected to each other.
 *
 * Theory of operation. A write goes into the inbox of the other end, or is borrowed while that inbox is full. Each end delivers
 * from its inbox in later microtasks, in pieces that the schedule chooses. Each operation is counted, and may be the one that
 * fails. An end is closed when both sides have ended and everything was delivered.
 *
 * @module
 */

import { copyOf } from "../../src/bytes.ts";
import type { Transport, TransportHandler } from "../../src/transport.ts";
import { type MemoryOptions, MemorySchedule } from "./schedule.ts";
import { silent } from "../silent.ts";

/**
 * This side of the stream: it takes writes ("open"), a write is under way and the end follows ("ending"), it has ended ("ended"),
 * or the connection is gone ("closed").
 */
type OwnSide = "open" | "ending" | "ended" | "closed";

/** The peer's side of the stream: bytes may come ("open"), it has ended ("ended"), or the handler knows of the end ("told"). */
type PeerSide = "open" | "ended" | "told";

/** One end of a pair. Its events come in separate microtasks, never inside a call. */
export class MemoryTransport implements Transport {
  handler: TransportHandler = silent;
  readonly hasOwnChunks = true;
  readonly remoteAddress = "memory";
  readonly remotePort = undefined;
  readonly #schedule: MemorySchedule;
  #peer!: MemoryTransport;
  #inbox: Uint8Array[] = [];
  #inboxSize = 0;
  #borrowed: Uint8Array | undefined;
  #isPaused = false;
  #side: OwnSide = "open";
  #peerSide: PeerSide = "open";

  /** @internal For the library: `memoryPair` makes both ends. */
  constructor(schedule: MemorySchedule) {
    this.#schedule = schedule;
  }

  /** Writes, deliveries and drains of both ends so far, as `failAt` counts them. */
  get operations(): number {
    return this.#schedule.operations;
  }

  /** Makes two ends each other's peer. */
  static join(left: MemoryTransport, right: MemoryTransport): void {
    left.#peer = right;
    right.#peer = left;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#side !== "open") return true;
    if (this.#hasFailed()) return false;
    if (this.#peer.#inboxSize >= this.#schedule.capacity) {
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
    if (this.#side !== "open") return;
    if (this.#borrowed === undefined) this.#end();
    else this.#side = "ending";
  }

  destroy(): void {
    this.#close(undefined);
    this.#peer.#close(undefined);
  }

  /** Drops the connection, as a failing network does: both ends get `error`. */
  reset(error: Error): void {
    this.#close(error);
    this.#peer.#close(error);
  }

  get #isClosed(): boolean {
    return this.#side === "closed";
  }

  #take(bytes: Uint8Array): void {
    this.#inbox.push(copyOf(bytes, 0, bytes.length));
    this.#inboxSize += bytes.length;
    this.#wake();
  }

  #end(): void {
    this.#side = "ended";
    this.#peer.#peerSide = "ended";
    this.#peer.#wake();
    this.#wake();
  }

  #wake(): void {
    this.#schedule.soon(() => {
      this.#deliver();
    });
  }

  #deliver(): void {
    while (!this.#isPaused && !this.#isClosed && this.#inbox.length > 0) {
      if (this.#hasFailed()) return;
      const rest = this.#inbox[0]!.length;
      const piece = this.#takePiece(this.#inbox[0]!);
      this.#inboxSize -= piece.length;
      this.handler.onData(piece);
      this.#peer.#drain();
      if (piece.length < rest) {
        // The next delivery has its own delay.
        this.#wake();
        return;
      }
    }
    if (this.#isPaused || this.#isClosed) return;
    if (this.#peerSide === "ended") {
      this.#peerSide = "told";
      this.handler.onEnd();
    }
    if (this.#peerSide === "told" && this.#side === "ended") this.#close(undefined);
  }

  /** Takes the next piece from the inbox, whose first chunk is `chunk`. */
  #takePiece(chunk: Uint8Array): Uint8Array {
    const size = this.#schedule.pieceOf(chunk.length);
    if (size === chunk.length) this.#inbox.shift();
    else this.#inbox[0] = chunk.subarray(size);
    return size === chunk.length ? chunk : chunk.subarray(0, size);
  }

  /** Counts an operation, and resets both ends if it must fail. */
  #hasFailed(): boolean {
    const failure = this.#schedule.count();
    if (failure !== undefined) this.reset(failure);
    return failure !== undefined;
  }

  #drain(): void {
    const bytes = this.#borrowed;
    const { capacity } = this.#schedule;
    if (bytes === undefined || this.#isClosed || this.#peer.#inboxSize >= capacity) return;
    if (this.#hasFailed()) return;
    this.#borrowed = undefined;
    this.#peer.#take(bytes);
    if (this.#side === "ending") this.#end();
    queueMicrotask(() => {
      this.handler.onDrain();
    });
  }

  #close(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#side = "closed";
    queueMicrotask(() => {
      this.handler.onClose(error);
    });
  }
}

/**
 * Makes two transports that are connected to each other.
 *
 * @example
 * const [ours, theirs] = memoryPair();
 * server.accept(ours);
 * theirs.handler = { onData: (chunk) => ..., onDrain() {}, onEnd() {}, onClose() {} };
 * theirs.write(request);
 *
 * @throws {RangeError} An option is out of range.
 */
export function memoryPair(options: MemoryOptions = {}): [MemoryTransport, MemoryTransport] {
  const schedule = new MemorySchedule(options);
  const left = new MemoryTransport(schedule);
  const right = new MemoryTransport(schedule);
  MemoryTransport.join(left, right);
  return [left, right];
}
