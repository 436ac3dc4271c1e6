/**
 * The entries of the send queue, and the listeners that are told what happens to them.
 *
 * @module
 */

import type { Transform } from "../extension/extension.ts";
import type { BoundedBuffer } from "../extension/bounded-buffer.ts";
import type { Opcode } from "../frame/opcode.ts";
import type { PreparedContent } from "./prepared.ts";

/** Bytes that an entry of the queue counts beside its payload, so that empty messages are not free. */
export const entryCost = 64;

/** Hears what happens to a waiting message or piece: one of the two methods is called, once. */
export interface SendListener {
  /** The message is in the output. */
  onSent(): void;
  /** The message was dropped. @param reason Why, if a writer that gave its message up said so. */
  onDropped(reason?: unknown): void;
}

/** Gives one listener that calls two, one after the other. */
export function both(first: SendListener | undefined, second: SendListener): SendListener {
  if (first === undefined) return second;
  return {
    onSent() {
      first.onSent();
      second.onSent();
    },
    onDropped(reason) {
      first.onDropped(reason);
      second.onDropped(reason);
    },
  };
}

/** A message, or a piece of one, that is not in the output yet. Set `listener` to hear what happens to it. */
export interface Pending {
  listener: SendListener | undefined;
}

/** A message or piece that waits for its turn, or for room. */
export class Queued implements Pending {
  readonly opcode: Opcode;
  readonly bytes: Uint8Array;
  readonly compress: boolean;
  readonly prepared: PreparedContent | undefined;
  /** Whether this is the last piece of its message. */
  readonly isLast: boolean;
  /** Bytes in the output, these included, beyond which the entry keeps waiting; Infinity for no limit. */
  readonly limit: number;
  listener: SendListener | undefined = undefined;

  constructor(
    opcode: Opcode,
    bytes: Uint8Array,
    compress: boolean,
    prepared: PreparedContent | undefined,
    isLast: boolean,
    limit: number,
  ) {
    this.opcode = opcode;
    this.bytes = bytes;
    this.compress = compress;
    this.prepared = prepared;
    this.isLast = isLast;
    this.limit = limit;
  }

  /** Bytes that the entry counts while it waits. */
  get cost(): number {
    return this.bytes.length + entryCost;
  }
}

/** A message or piece on which an extension still works. */
export interface Work extends Pending {
  readonly transform: Transform;
  /** What the extension has made so far. */
  readonly into: BoundedBuffer;
  readonly opcode: Opcode;
  /** Whether this is the last piece of its message. */
  readonly isLast: boolean;
  /** Payload bytes, which count as unsent. */
  readonly size: number;
}
