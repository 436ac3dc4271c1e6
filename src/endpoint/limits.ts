/**
 * What one peer may cost an open connection, with defaults that are safe for a server on the Internet.
 *
 * @module
 */

export { type PartialLimits, resolveLimits } from "../arguments.ts";

/** Limits on what a peer sends. For each limit, 0 or Infinity means none. */
export interface MessageLimits {
  /** Payload bytes of one frame. 1009 when exceeded. */
  readonly maxFrameSize: number;
  /** Payload bytes of one message. 1009 when exceeded, as soon as the header of the frame that exceeds it has come. */
  readonly maxMessageSize: number;
  /** Frames of one message, empty ones included. 1008 when exceeded. */
  readonly maxFragments: number;
}

/** The limits that apply unless others are given. */
export const defaultMessageLimits: MessageLimits = {
  maxFrameSize: 16 * 1024 ** 2,
  maxMessageSize: 16 * 1024 ** 2,
  maxFragments: 16 * 1024,
};
