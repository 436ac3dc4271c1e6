/**
 * What a connection was told, with nothing left open. Types only; options.ts makes them of what an application gives.
 *
 * @module
 */

import type { MessageLimits } from "../endpoint/limits.ts";
import type { TextCodec } from "../frame/text-codec.ts";

/** What happens to a message that does not fit. */
export type Overflow = "close" | "drop" | "wait";

/** Limits of a connection beside those of its messages. */
export interface FlowLimits {
  readonly highWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly receiveHighWaterMark: number;
  readonly closeTimeout: number;
}

/** Times of a connection, in milliseconds; Infinity stands for never. */
export interface Times {
  readonly pingInterval: number;
  readonly pongTimeout: number;
  readonly idleTimeout: number;
  readonly maxLifetime: number;
  /** Bytes a second; Infinity for none, as for all limits, and so for the opposite of what the number would say. */
  readonly minProgress: number;
}

/**
 * Makes the bytes of a message, yours to keep, of `source[start, end)`.
 *
 * @param source Valid until the call returns, and not to be changed.
 * @param isOwned Whether those bytes are yours already, alone in their ArrayBuffer: then a view on them will do. Otherwise they must
 * be copied.
 */
export type NewBytes = (
  source: Uint8Array,
  start: number,
  end: number,
  isOwned: boolean,
) => Uint8Array;

/** What each part of a connection is told: the options with nothing left open, but for those that name a Connection. */
export interface ConnectionSettings extends FlowLimits {
  readonly messages: MessageLimits;
  readonly times: Times;
  readonly overflow: Overflow;
  readonly strictLength: boolean;
  readonly borrow: boolean;
  readonly deliverAfterClose: boolean;
  readonly autoPong: boolean;
  readonly textAs: "string" | "bytes";
  readonly newBytes: NewBytes | undefined;
  readonly ownBufferSize: number;
  readonly afterTurn: (task: () => void) => void;
  readonly codec: TextCodec;
}
