/**
 * What waits to be sent, and who is told what becomes of it.
 *
 * @module
 */

import type { Transform } from "../extension/extension.ts";
import type { BoundedBuffer } from "../extension/bounded-buffer.ts";
import type { Opcode } from "../frame/opcode.ts";
import type { PreparedContent } from "./prepared.ts";

/** Bytes that an entry of the queue counts for beside its payload, so that empty messages are not free. */
export const entryCost = 64;

/** Is told what becomes of something that waits: one of the two, once. */
export interface SendListener {
  /** It is in the output. */
  onSent(): void;
  /** It never will be. @param reason Why, where somebody gave one: the writer that gave its message up. */
  onDropped(reason?: unknown): void;
}

/** Two that are told of the same, one after the other. */
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

/** A message, or a piece of one, that is not in the output yet. Set `listener` to hear what becomes of it. */
export interface Pending {
  listener: SendListener | undefined;
}

/** One that waits for its turn, or for room. */
export class Queued implements Pending {
  readonly opcode: Opcode;
  readonly bytes: Uint8Array;
  readonly compress: boolean;
  readonly prepared: PreparedContent | undefined;
  /** Whether its message ends with it. */
  readonly isLast: boolean;
  /** Bytes in the output, this one's included, beyond which it waits on; Infinity for no limit. */
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

  /** What it counts for while it waits. */
  get cost(): number {
    return this.bytes.length + entryCost;
  }
}

/** One that an extension takes its time for. */
export interface Work extends Pending {
  readonly transform: Transform;
  /** What has been made of it. */
  readonly into: BoundedBuffer;
  readonly opcode: Opcode;
  /** Whether its message ends with it. */
  readonly isLast: boolean;
  /** Bytes that it counts for: those of its payload. */
  readonly size: number;
}
