/**
 * Which frames are legal, as pure functions: what a header may say in which state, what a close frame may carry
 * (RFC 6455, 5.1, 5.2, 5.4, 5.5 and 7.4).
 *
 * @module
 */

import { checkWhole } from "../arguments.ts";
import { ProtocolError, type ViolationCode } from "../errors.ts";
import {
  isStatusProtocolDefined,
  isStatusProtocolReserved,
  type StatusCode,
  StatusNoMeaningYet,
} from "../status.ts";
import type { Header } from "./header.ts";
import { MaxControlFramePayloadSize } from "./header.ts";
import { checkOpcode, isControl, isReserved, OpContinuation } from "./opcode.ts";

/**
 * What is known about one side, as a set of bits: combine them with `|`, remove them with `& ~`. 0 names no side, and skips the
 * checks that depend on the side.
 *
 * Any number is accepted, but an `Opcode` or a `StatusCode` does not compile in its place. The compiler sees the result of `|` as
 * a plain number. Write its type down if the compiler is to find a state in the wrong place:
 * `const state: State = StateServerSide | StateExtended`.
 */
export type State = number & {
  /** Exists only for the compiler: no value has it. */
  readonly "~kind"?: "state";
};

/** This side is the server: received frames must be masked. */
export const StateServerSide: State = 0x1;
/** This side is the client: received frames must not be masked. */
export const StateClientSide: State = 0x2;
/** An extension was negotiated that may use reserved bits. */
export const StateExtended: State = 0x4;
/** A message has begun and is not complete: the next data frame must be a continuation. */
export const StateFragmented: State = 0x8;
const allStates = 0xf;

/** Checks a state that a caller gives. @throws {TypeError} It is no number. @throws {RangeError} It has unknown bits. */
export function checkState(state: State): void {
  checkWhole("state", state, allStates);
}

/** Tells whether at least one bit of `bits` is set in `state`. */
export function isState(state: State, bits: State): boolean {
  return (state & bits) !== 0;
}

/** Tells whether this side is the server. */
export function isServerSide(state: State): boolean {
  return (state & StateServerSide) !== 0;
}

/** Tells whether this side is the client. */
export function isClientSide(state: State): boolean {
  return (state & StateClientSide) !== 0;
}

/** Tells whether an extension was negotiated. */
export function isExtended(state: State): boolean {
  return (state & StateExtended) !== 0;
}

/** Tells whether a message is incomplete. */
export function isFragmented(state: State): boolean {
  return (state & StateFragmented) !== 0;
}

/**
 * Checks that a frame with `header` is legal in `state`.
 *
 * With {@link StateExtended} every reserved bit passes: the extensions must refuse the bits that are not theirs.
 *
 * @throws {TypeError} `state`, or the header's opcode, is no number.
 * @throws {RangeError} `state` has a bit other than those above, or the opcode is not a whole number from 0 to 15.
 * @throws {ProtocolError} `OPCODE_RESERVED`, `CONTROL_TOO_LONG`, `CONTROL_NOT_FINAL`, `RSV_NOT_ZERO`, `MASK_REQUIRED`,
 * `MASK_UNEXPECTED`, `CONTINUATION_EXPECTED`, `CONTINUATION_UNEXPECTED`, checked in this order
 * @see gobwas CheckHeader
 */
export function checkHeader(header: Header, state: State): void {
  // A state of another type could skip a rule.
  checkWhole("state", state, allStates);
  checkOpcode(header.opcode);
  checkDecoded(header, state);
}

/** As {@link checkHeader}, for callers that know the state to be valid and have decoded the header. */
export function checkDecoded(header: Header, state: State): void {
  const code = brokenRule(header, state);
  if (code !== undefined) throw new ProtocolError(code, { value: valueOf(code, header) });
}

/** Gives the value of the header that broke the rule. */
function valueOf(code: ViolationCode, { length, rsv, opcode }: Header): number | undefined {
  if (code === "CONTROL_TOO_LONG") return length;
  if (code === "RSV_NOT_ZERO") return rsv;
  return code === "MASK_REQUIRED" || code === "MASK_UNEXPECTED" ? undefined : opcode;
}

/** Gives the first rule that a header breaks. It makes no error: engines inline short functions, and this runs for each frame. */
function brokenRule(header: Header, state: State): ViolationCode | undefined {
  const opcode = header.opcode;
  // "If an unknown opcode is received, the receiving endpoint MUST _Fail the WebSocket Connection_" (RFC 6455, 5.2)
  if (isReserved(opcode)) return "OPCODE_RESERVED";
  if (isControl(opcode)) {
    // "All control frames MUST have a payload length of 125 bytes or less and MUST NOT be fragmented" (RFC 6455, 5.5)
    if (header.length > MaxControlFramePayloadSize) return "CONTROL_TOO_LONG";
    if (!header.fin) return "CONTROL_NOT_FINAL";
  }
  // "MUST be 0 unless an extension is negotiated that defines meanings for non-zero values" (RFC 6455, 5.2)
  if (header.rsv !== 0 && !isState(state, StateExtended)) return "RSV_NOT_ZERO";
  // "The server MUST close the connection upon receiving a frame that is not masked" (RFC 6455, 5.1)
  if (isState(state, StateServerSide) && !header.masked) return "MASK_REQUIRED";
  // "A client MUST close a connection if it detects a masked frame" (RFC 6455, 5.1)
  if (isState(state, StateClientSide) && header.masked) return "MASK_UNEXPECTED";
  if (isControl(opcode)) return undefined;
  // "The fragments of one message MUST NOT be interleaved between the fragments of another message" (RFC 6455, 5.4)
  if (isState(state, StateFragmented)) {
    return opcode === OpContinuation ? undefined : "CONTINUATION_EXPECTED";
  }
  return opcode === OpContinuation ? "CONTINUATION_UNEXPECTED" : undefined;
}

/**
 * Checks that a close frame may carry `status`.
 *
 * @throws {TypeError} `status` is no number.
 * @throws {RangeError} `status` is not a whole number from 0 to 65535, and so does not fit into two bytes.
 * @throws {ProtocolError} `STATUS_NOT_IN_USE`, `STATUS_APPLICATION_LEVEL`, `STATUS_NO_MEANING`, `STATUS_UNKNOWN`
 * @see RFC 6455, 7.4 · gobwas CheckCloseFrameData; it checks the reason too, as parseCloseFrameData does here
 */
export function checkCloseFrameData(status: StatusCode): void {
  checkStatus(status);
  const code = brokenStatusRule(status);
  if (code !== undefined) throw new ProtocolError(code, { value: status });
}

function brokenStatusRule(status: StatusCode): ViolationCode | undefined {
  if (status < 1000 || status > 4999) return "STATUS_NOT_IN_USE";
  // "MUST NOT be set as a status code in a Close control frame by an endpoint" (RFC 6455, 7.4.1)
  if (isStatusProtocolReserved(status)) return "STATUS_APPLICATION_LEVEL";
  if (status === StatusNoMeaningYet) return "STATUS_NO_MEANING";
  // Codes from 3000 on belong to libraries and applications.
  return status < 3000 && !isStatusProtocolDefined(status) ? "STATUS_UNKNOWN" : undefined;
}

/** Checks that a status fits into two bytes. @throws {TypeError} It is no number. @throws {RangeError} It does not fit. */
export function checkStatus(status: StatusCode): void {
  checkWhole("status", status, 0xffff);
}
