/**
 * A message that is sent in pieces, each a frame (RFC 6455, 5.4).
 *
 * @module
 */

import { checkRange } from "../arguments.ts";
import { Fifo } from "../fifo.ts";
import type { Opcode } from "../frame/opcode.ts";
import type { Pending, Queued } from "./queued.ts";

/** The methods of the queue that a message in pieces calls. */
export interface PieceQueue {
  /**
   * Adds a piece.
   *
   * @param limit Bytes in the output beyond which the piece waits.
   * @returns The waiting piece; undefined if it is in the output.
   * @throws {ClosedError} The message was dropped.
   */
  addPiece(
    message: StreamedMessage,
    bytes: Uint8Array,
    isLast: boolean,
    limit: number,
  ): Pending | undefined;
  /** Takes a message back, unless it has begun to leave. */
  takeBack(message: StreamedMessage, reason: unknown): boolean;
  /** Says whether an extension works on a piece of this message. */
  isAtWorkOn(message: StreamedMessage): boolean;
}

/**
 * The place of a message in pieces: "unplaced" before its first piece, "waiting" behind other messages, "front" from its turn
 * until its last frame has left, "dropped" when it was given up.
 */
export type PlaceState = "unplaced" | "waiting" | "front" | "dropped";

/**
 * A message that is sent in pieces, each a frame (RFC 6455, 5.4). It takes its place among other messages at its first piece, and
 * keeps the place until it is complete.
 */
export interface MessagePieces {
  /** Whether its last piece was given. */
  readonly isEnded: boolean;
  /** Whether all written pieces are in the output. While it is false, `onOutput` will follow. */
  readonly isReady: boolean;
  /**
   * Sends a piece; the bytes are copied.
   *
   * @param isLast Whether the message ends with it. Default: false.
   * @returns Whether the piece is in the output. If not, it waits in its place; the next piece may be written without waiting for
   * it.
   * @throws {TypeError} `bytes` is no Uint8Array or is detached, or the message is complete, or was taken back.
   * @throws {ClosedError} The message was given up: the connection is no longer open.
   * @throws The reason given to {@link takeBack}, if there is one.
   */
  write(bytes: Uint8Array, isLast?: boolean): boolean;
  /**
   * Takes the message back, as if it had never begun.
   *
   * @param reason What later writes throw.
   * @returns Whether no part of it has left or will leave. If false, a part has left, or an extension has got one: then only the
   * end of the connection can stop the message.
   */
  takeBack(reason?: unknown): boolean;
}

/** A message in pieces, which keeps its place in the queue from its first piece until it is complete. */
export class StreamedMessage implements MessagePieces {
  readonly opcode: Opcode;
  readonly compress: boolean;
  readonly #queue: PieceQueue;
  /** Its place. The queue sets it. */
  state: PlaceState = "unplaced";
  /** Whether a piece has left or an extension has got one, even if it was dropped later. The queue sets it. */
  hasBegun = false;
  /** Pieces that wait. The queue adds and takes them. */
  readonly pieces: Fifo<Queued> = new Fifo<Queued>();
  /** Why it was taken back, if it was. The queue sets it. */
  reason: unknown = undefined;
  #isEnded = false;

  /** Applications call `Endpoint.beginMessage`. */
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
   * Like {@link write}, but gives the waiting piece, so that the caller can set its listener.
   *
   * @param limit Bytes in the output beyond which the piece waits.
   */
  enqueue(bytes: Uint8Array, isLast: boolean, limit: number): Pending | undefined {
    if (this.#isEnded && this.state !== "dropped") throw new TypeError("Message is complete");
    // First, because the tracer of its frame may ask for `isEnded`, or close.
    this.#isEnded = isLast;
    return this.#queue.addPiece(this, bytes, isLast, limit);
  }

  /** @param reason What listeners of its pieces are told. */
  takeBack(reason?: unknown): boolean {
    return this.#queue.takeBack(this, reason);
  }
}
