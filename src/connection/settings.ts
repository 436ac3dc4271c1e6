/**
 * The settings of a connection: its options with all defaults filled in. Types only; options.ts makes the settings.
 *
 * @module
 */

import type { MessageLimits } from "../endpoint/limits.ts";
import type { TextCodec } from "../frame/text-codec.ts";

/** What happens to a message that would exceed `maxBufferedAmount`. */
export type Overflow = "close" | "drop" | "wait";

/** Limits of a connection, except those of its messages. */
export interface FlowLimits {
  readonly highWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly receiveHighWaterMark: number;
  readonly closeTimeout: number;
}

/** Times of a connection, in milliseconds. Infinity: never. */
export interface Times {
  readonly pingInterval: number;
  readonly pongTimeout: number;
  readonly idleTimeout: number;
  readonly maxLifetime: number;
  /** Bytes a second. Infinity means no minimum, as it means no limit elsewhere. */
  readonly minProgress: number;
}

/**
 * Makes the bytes of a message from `source[start, end)`. The bytes belong to you.
 *
 * @param source Valid until the call returns. Do not change it.
 * @param isOwned Whether these bytes already belong to you, alone in their ArrayBuffer. Then you may return a view of them.
 * Otherwise copy them.
 */
export type NewBytes = (
  source: Uint8Array,
  start: number,
  end: number,
  isOwned: boolean,
) => Uint8Array;

/** The settings that the parts of a connection read. Settings whose type contains Connection are in options.ts (LinkSettings). */
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
