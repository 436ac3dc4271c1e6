/**
 * Converts the core's errors to those of `ws`: its codes WS_ERR_*, and the messages that programs check.
 *
 * @module
 */

import { LimitError, ProtocolError, type ViolationCode } from "../../src/errors.ts";

/** The value in a frame that broke a rule, under the name of its kind. The core gives one for each rule that has one. */
export interface FrameFacts {
  readonly opcode?: number | undefined;
  readonly length?: number | undefined;
  readonly rsv?: number | undefined;
  readonly status?: number | undefined;
}

type Told = readonly [code: string, message: (facts: FrameFacts) => string];

const invalidOpcode: Told = [
  "WS_ERR_INVALID_OPCODE",
  ({ opcode }) => (opcode === undefined ? "invalid opcode" : `invalid opcode ${opcode}`),
];
const invalidLength: Told = [
  "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
  ({ length }) =>
    length === undefined ? "invalid payload length" : `invalid payload length ${length}`,
];
const invalidStatus: Told = [
  "WS_ERR_INVALID_CLOSE_CODE",
  ({ status }) => (status === undefined ? "invalid status code" : `invalid status code ${status}`),
];
const rsv1: Told = ["WS_ERR_UNEXPECTED_RSV_1", () => "RSV1 must be clear"];
const rsv23: Told = ["WS_ERR_UNEXPECTED_RSV_2_3", () => "RSV2 and RSV3 must be clear"];

/** The errors for broken rules of frames; rules that are not here are converted elsewhere. */
const violations: Partial<Record<ViolationCode, Told>> = {
  OPCODE_RESERVED: invalidOpcode,
  CONTINUATION_EXPECTED: invalidOpcode,
  CONTINUATION_UNEXPECTED: ["WS_ERR_INVALID_OPCODE", () => "invalid opcode 0"],
  CONTROL_TOO_LONG: invalidLength,
  CLOSE_BODY_TOO_SHORT: ["WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", () => "invalid payload length 1"],
  LENGTH_NOT_MINIMAL: invalidLength,
  CONTROL_NOT_FINAL: ["WS_ERR_EXPECTED_FIN", () => "FIN must be set"],
  MASK_REQUIRED: ["WS_ERR_EXPECTED_MASK", () => "MASK must be set"],
  MASK_UNEXPECTED: ["WS_ERR_UNEXPECTED_MASK", () => "MASK must be clear"],
  RSV1_UNEXPECTED: rsv1,
  STATUS_NOT_IN_USE: invalidStatus,
  STATUS_APPLICATION_LEVEL: invalidStatus,
  STATUS_NO_MEANING: ["WS_ERR_INVALID_CLOSE_CODE", () => "invalid status code 1004"],
  STATUS_UNKNOWN: invalidStatus,
  INVALID_UTF8: ["WS_ERR_INVALID_UTF8", () => "invalid UTF-8 sequence"],
};

/** Gives an error a code, and the core's error as its cause. */
function withCode<Made extends Error>(error: Made, code: string, cause: Error): Made {
  Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
  return Object.assign(error, { code });
}

/**
 * Gives the error for the event `error`. It gives undefined where `ws` emits only `close`: when the network has ended the
 * connection, or when the peer did not answer a close frame in time.
 */
export function errorOf(error: unknown): Error | undefined {
  if (error instanceof ProtocolError) return violationOf(error);
  if (!(error instanceof LimitError)) return undefined;
  return error.code === "TOO_MANY_FRAGMENTS"
    ? withCode(
        new RangeError("Too many message fragments"),
        "WS_ERR_TOO_MANY_BUFFERED_PARTS",
        error,
      )
    : withCode(
        new RangeError("Max payload size exceeded"),
        "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
        error,
      );
}

function violationOf(error: ProtocolError): Error {
  const { code, cause } = error;
  if (code === "INVALID_DEFLATE") {
    // zlib's own error, if there is one: it has the code that programs check.
    return cause instanceof Error
      ? cause
      : withCode(new Error("invalid deflate data"), "Z_DATA_ERROR", error);
  }
  if (code === "LENGTH_TOO_LARGE" || code === "LENGTH_SIGN_BIT") {
    const message = "Unsupported WebSocket frame: payload length > 2^53 - 1";
    return withCode(new RangeError(message), "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", error);
  }
  const { value } = error;
  const facts: FrameFacts = { opcode: value, length: value, rsv: value, status: value };
  const told =
    code === "RSV_NOT_ZERO"
      ? ((facts.rsv ?? 0) & 3) !== 0
        ? rsv23
        : rsv1
      : (violations[code] ?? invalidOpcode);
  const message = `Invalid WebSocket frame: ${told[1](facts)}`;
  const made = code === "INVALID_UTF8" ? new Error(message) : new RangeError(message);
  return withCode(made, told[0], error);
}
