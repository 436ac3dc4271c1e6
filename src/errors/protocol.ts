/**
 * Rules of the protocol that the peer broke, each with the status code that answers it (RFC 6455, 7.4.1).
 *
 * @module
 */

import {
  type StatusCode,
  StatusInvalidFramePayloadData,
  StatusMessageTooBig,
  StatusProtocolError,
} from "../status.ts";

/** A rule of RFC 6455 or RFC 7692 that the peer broke. */
export type ViolationCode =
  | "OPCODE_RESERVED"
  | "CONTROL_TOO_LONG"
  | "CONTROL_NOT_FINAL"
  | "RSV_NOT_ZERO"
  | "MASK_REQUIRED"
  | "MASK_UNEXPECTED"
  | "CONTINUATION_EXPECTED"
  | "CONTINUATION_UNEXPECTED"
  | "LENGTH_NOT_MINIMAL"
  | "LENGTH_SIGN_BIT"
  | "LENGTH_TOO_LARGE"
  | "CLOSE_BODY_TOO_SHORT"
  | "STATUS_NOT_IN_USE"
  | "STATUS_APPLICATION_LEVEL"
  | "STATUS_NO_MEANING"
  | "STATUS_UNKNOWN"
  | "INVALID_UTF8"
  | "RSV1_UNEXPECTED"
  | "INVALID_DEFLATE";

/** The message of each violation, and the status code that answers it. */
const violations: Record<ViolationCode, readonly [message: string, status: StatusCode]> = {
  OPCODE_RESERVED: ["Reserved opcode", StatusProtocolError],
  CONTROL_TOO_LONG: ["Control frame has more than 125 bytes", StatusProtocolError],
  CONTROL_NOT_FINAL: ["Control frame is fragmented", StatusProtocolError],
  RSV_NOT_ZERO: ["RSV bit set, but no extension uses it", StatusProtocolError],
  MASK_REQUIRED: ["Frame from a client is not masked", StatusProtocolError],
  MASK_UNEXPECTED: ["Frame from a server is masked", StatusProtocolError],
  CONTINUATION_EXPECTED: ["New message before the last one has ended", StatusProtocolError],
  CONTINUATION_UNEXPECTED: [
    "Continuation frame without a message to continue",
    StatusProtocolError,
  ],
  LENGTH_NOT_MINIMAL: ["Length is not minimally encoded", StatusProtocolError],
  LENGTH_SIGN_BIT: ["Sign bit of a length is set", StatusProtocolError],
  LENGTH_TOO_LARGE: ["Length is too large", StatusMessageTooBig],
  CLOSE_BODY_TOO_SHORT: ["Close frame body of one byte", StatusProtocolError],
  STATUS_NOT_IN_USE: ["Status code is not in use", StatusProtocolError],
  STATUS_APPLICATION_LEVEL: ["Status code must not be sent", StatusProtocolError],
  STATUS_NO_MEANING: ["Status code 1004 has no meaning", StatusProtocolError],
  STATUS_UNKNOWN: ["Status code is not defined", StatusProtocolError],
  INVALID_UTF8: ["Text is not valid UTF-8", StatusInvalidFramePayloadData],
  RSV1_UNEXPECTED: ["RSV1 set on a frame that begins no message", StatusProtocolError],
  INVALID_DEFLATE: ["Message is not valid DEFLATE", StatusInvalidFramePayloadData],
};

/** What is known of a violation beside its code. */
export interface ProtocolErrorOptions extends ErrorOptions {
  /** The number that was wrong, as {@link ProtocolError.value} describes it. */
  readonly value?: number | undefined;
}

/** The peer broke the protocol. The connection fails with `status` (RFC 6455, 7.1.7). */
export class ProtocolError extends Error {
  /** The class's own name. */
  override readonly name = "ProtocolError";
  /** The rule that was broken. */
  readonly code: ViolationCode;
  /** The status code of the close frame that answers the violation. */
  readonly status: StatusCode;
  /**
   * The number that was wrong: the opcode for `OPCODE_RESERVED`, `CONTROL_NOT_FINAL`, `CONTINUATION_EXPECTED` and
   * `CONTINUATION_UNEXPECTED`; the length in bytes for `CONTROL_TOO_LONG` and `LENGTH_NOT_MINIMAL`; the reserved bits (4, 2, 1)
   * for `RSV_NOT_ZERO`; the status code for `STATUS_...`. Undefined for all other codes.
   */
  readonly value: number | undefined;

  /**
   * Makes the error for a code. The code decides about the message and `status`.
   *
   * @param options The `cause` and the `value` of the error.
   */
  constructor(code: ViolationCode, options?: ProtocolErrorOptions) {
    const [message, status] = violations[code];
    super(message, options);
    this.code = code;
    this.status = status;
    this.value = options?.value;
  }
}
