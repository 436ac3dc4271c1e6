/**
 * Limits of this side that were exceeded, each with its option and the status that answers the excess.
 *
 * @module
 */

import { StatusMessageTooBig, StatusPolicyViolation } from "../status.ts";

/** A limit of this side that was exceeded. */
export type LimitCode =
  | "FRAME_TOO_BIG"
  | "MESSAGE_TOO_BIG"
  | "TOO_MANY_FRAGMENTS"
  | "HEAD_TOO_LARGE"
  | "TARGET_TOO_LONG"
  | "TOO_MANY_HEADERS"
  | "BODY_TOO_LARGE"
  | "TOO_MUCH_BUFFERED"
  | "TOO_MANY_CONNECTIONS"
  | "TOO_MANY_OF_ADDRESS"
  | "TOO_MANY_HANDSHAKES"
  | "TOO_MANY_MESSAGES"
  | "TOO_MANY_TOPICS";

/** The option that sets each limit, and the status that answers an excess: of a close frame, or of HTTP during the handshake. */
const limits: Record<LimitCode, readonly [option: string, status: number]> = {
  FRAME_TOO_BIG: ["maxFrameSize", StatusMessageTooBig],
  MESSAGE_TOO_BIG: ["maxMessageSize", StatusMessageTooBig],
  TOO_MANY_FRAGMENTS: ["maxFragments", StatusPolicyViolation],
  HEAD_TOO_LARGE: ["maxHeadSize", 431],
  TARGET_TOO_LONG: ["maxTargetSize", 414],
  TOO_MANY_HEADERS: ["maxHeaders", 431],
  BODY_TOO_LARGE: ["maxBodySize", 413],
  TOO_MUCH_BUFFERED: ["maxBufferedAmount", StatusPolicyViolation],
  TOO_MANY_TOPICS: ["maxTopics", StatusPolicyViolation],
  TOO_MANY_CONNECTIONS: ["maxConnections", 503],
  TOO_MANY_OF_ADDRESS: ["maxConnectionsPerAddress", 429],
  TOO_MANY_HANDSHAKES: ["handshakesPerAddress", 429],
  TOO_MANY_MESSAGES: ["messagesPerAddress", StatusPolicyViolation],
};

/** A limit was exceeded. `limit` and `actual` are in the limit's own unit, such as bytes or frames. */
export class LimitError extends Error {
  /** The class's own name. */
  override readonly name = "LimitError";
  /** The limit that was exceeded. */
  readonly code: LimitCode;
  /** The status that answers the excess: of a close frame, or of HTTP (4xx, 503) during the opening handshake. */
  readonly status: number;
  /** The value of the limit. */
  readonly limit: number;
  /** The first value that is known to be above `limit`. The real amount may be larger still. */
  readonly actual: number;

  /**
   * Makes the error for a code. The code decides about `status`.
   *
   * @param limit The value of the limit.
   * @param actual The first value known to be above the limit.
   * @param option Name of the option that has set the limit, for the message. Default: the option that belongs to the code.
   */
  constructor(code: LimitCode, limit: number, actual: number, option: string = limits[code][0]) {
    const [, status] = limits[code];
    super(`More than ${option}: ${actual} > ${limit}`);
    this.code = code;
    this.status = status;
    this.limit = limit;
    this.actual = actual;
  }
}
