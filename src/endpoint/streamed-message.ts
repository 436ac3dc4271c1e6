/**
 * A message that is sent in pieces, each a frame (RFC 6455, 5.4).
 *
 * @module
 */

import { checkRange } from "../arguments.ts";
import { Fifo } from "../fifo.ts";
import type { Opcode } from "../frame/opcode.ts";
import type { Pending, Queued } from "./queued.ts";

/** What a message in pieces asks of its queue. */
export interface PieceQueue {
  /**
   * Adds a piece.
   *
   * @param limit Bytes in the output beyond which it waits.
   * @returns What waits; undefined where the piece is in the output.
   * @throws {ClosedError} The message was given up.
   */
  addPiece(
    message: StreamedMessage,
    bytes: Uint8Array,
    isLast: boolean,
    limit: number,
  ): Pending | undefined;
  /** Takes a message back, unless it has begun to leave. */
  takeBack(message: StreamedMessage, reason: unknown): boolean;
  /** Tells whether an extension is at work on a piece of a message. */
  isAtWorkOn(message: StreamedMessage): boolean;
}

/**
 * Where a message in pieces stands: "unplaced" until its first piece, "waiting" behind others, "front" when it is its turn and
 * until its last frame has left, "dropped" when it was given up.
 */
export type PlaceState = "unplaced" | "waiting" | "front" | "dropped";

/**
 * A message that is sent in pieces, each a frame (RFC 6455, 5.4). It takes its place among the other messages at its first
 * piece, and keeps it until it is complete.
 */
export interface MessagePieces {
  /** Whether its last piece was given. */
  readonly isEnded: boolean;
  /** Whether nothing that was written waits any more: where not, `onOutput` follows. */
  readonly isReady: boolean;
  /**
   * Sends a piece; the bytes are copied.
   *
   * @param isLast Whether the message ends with it. Default: false.
   * @returns Whether it is in the output; where not it waits in its place, and the next may follow all the same.
   * @throws {TypeError} `bytes` is no Uint8Array or is detached, or the message is complete, or was taken back.
   * @throws {ClosedError} It was given up: the connection is no longer open.
   * @throws The reason for which it was taken back, where there is one.
   */
  write(bytes: Uint8Array, isLast?: boolean): boolean;
  /**
   * Takes the message back, as if it had never been.
   *
   * @returns Whether nothing of it has left, nor will: where a part has, or an extension has got one, only the end of the
   * connection helps.
   */
  takeBack(reason?: unknown): boolean;
}

/** A message in pieces: its place in the queue, taken at its first piece and its own until it is complete. */
export class StreamedMessage implements MessagePieces {
  readonly opcode: Opcode;
  readonly compress: boolean;
  readonly #queue: PieceQueue;
  /** For the queue. */
  state: PlaceState = "unplaced";
  /** Whether a piece has left, or an extension has got one, whatever has become of it since; for the queue. */
  hasBegun = false;
  /** Pieces that wait; for the queue. */
  readonly pieces: Fifo<Queued> = new Fifo<Queued>();
  /** Why it was taken back, where it was; for the queue. */
  reason: unknown = undefined;
  #isEnded = false;

  /** For the library: `Endpoint.beginMessage` makes them. */
  constructor(queue: PieceQueue, opcode: Opcode, compress: boolean) {
    this.#queue = queue;
    this.opcode = opcode;
    this.compress = compress;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get isReady(): boolean {
    return this.pieces.length === 0 && !this.#queue.isAtWorkOn(this);
  }

  write(bytes: Uint8Array, isLast = false): boolean {
    checkRange(bytes, 0, undefined);
    return this.enqueue(bytes, isLast, Infinity) === undefined;
  }

  /**
   * As {@link write}; what waits is given, so that somebody may listen.
   *
   * @param limit Bytes in the output beyond which it waits.
   */
  enqueue(bytes: Uint8Array, isLast: boolean, limit: number): Pending | undefined {
    if (this.#isEnded && this.state !== "dropped") throw new TypeError("Message is complete");
    // First, because an event that tells of its frame may ask for this, or close.
    this.#isEnded = isLast;
    return this.#queue.addPiece(this, bytes, isLast, limit);
  }

  /** @param reason What listeners of its pieces are told. */
  takeBack(reason?: unknown): boolean {
    return this.#queue.takeBack(this, reason);
  }
}
