/**
 * The body of a close frame: empty, or a status code with a reason in UTF-8 (RFC 6455, 5.5.1).
 *
 * @module
 */

import { checkBytes, checkRange, checkText } from "../arguments.ts";
import { encodeUtf8, readUint16, writeUint16 } from "../bytes.ts";
import { ProtocolError } from "../errors.ts";
import type { StatusCode } from "../status.ts";
import { checkStatus } from "./check.ts";
import { MaxControlFramePayloadSize } from "./header.ts";
import { webText } from "./text-codec.ts";
import { decodeText, lastCharacterEnd } from "./utf8.ts";

/** The content of a close frame. */
export interface CloseFrameData {
  /** Status code; 0 if the frame has none. */
  readonly status: StatusCode;
  /** Reason; "" if the frame has none. */
  readonly reason: string;
}

/** Bytes of the longest reason: the payload limit of a control frame, less the status code. */
export const MaxReasonSize: number = MaxControlFramePayloadSize - 2;

/**
 * Reads the body of a close frame. It does not check that the status code is legal: see checkCloseFrameData.
 *
 * @param payload The unmasked payload. Nothing of it is kept.
 * @throws {TypeError} `payload` is no Uint8Array, or is detached.
 * @throws {RangeError} `start` or `end` is not within `payload`.
 * @throws {ProtocolError} `CLOSE_BODY_TOO_SHORT`, `INVALID_UTF8`
 * @see gobwas ParseCloseFrameData
 */
export function parseCloseFrameData(payload: Uint8Array, start = 0, end?: number): CloseFrameData {
  return parseCloseBody(payload, start, checkRange(payload, start, end, "payload"));
}

/** As {@link parseCloseFrameData}, for callers that have checked the range. */
export function parseCloseBody(payload: Uint8Array, start: number, end: number): CloseFrameData {
  if (end === start) return { status: 0, reason: "" };
  // "the first two bytes of the body MUST be a 2-byte unsigned integer" (RFC 6455, 5.5.1)
  if (end - start === 1) throw new ProtocolError("CLOSE_BODY_TOO_SHORT");
  const reason = decodeText(payload, start + 2, end, webText);
  return { status: readUint16(payload, start), reason };
}

/**
 * Makes the body of a close frame.
 *
 * @param status 1 to 65535, or 0 for an empty body; legality is not checked.
 * @param reason Cut to 123 bytes, at the end of a whole character.
 * @returns A new array, which the caller owns.
 * @throws {RangeError} `status` is not a whole number from 0 to 65535, and so does not fit into two bytes.
 * @throws {TypeError} `status` is no number, or `reason` no string.
 * @see gobwas NewCloseFrameBody, which may cut inside a character
 */
export function newCloseFrameBody(status: StatusCode, reason = ""): Uint8Array<ArrayBuffer> {
  checkBody(status, reason);
  if (status === 0) return new Uint8Array(0);
  const text = encodeUtf8(reason);
  const length = lastCharacterEnd(text, MaxReasonSize);
  const body = new Uint8Array(2 + length);
  writeUint16(body, 0, status);
  body.set(text.subarray(0, length), 2);
  return body;
}

/**
 * Writes the body of a close frame into `bytes`: always two bytes of status, also for 0, and then the whole reason, even if it is
 * too long for a control frame.
 *
 * @returns Bytes written: 2 and those of the reason.
 * @throws {RangeError} There is not enough room, or `status` is not a whole number from 0 to 65535.
 * @throws {TypeError} `bytes` is no Uint8Array, `status` no number, or `reason` no string.
 * @see gobwas PutCloseFrameBody
 */
export function putCloseFrameBody(bytes: Uint8Array, status: StatusCode, reason = ""): number {
  checkBytes("bytes", bytes);
  checkBody(status, reason);
  const text = encodeUtf8(reason);
  const size = 2 + text.length;
  if (bytes.length < size) {
    throw new RangeError(`Close frame body needs ${size} bytes of room: ${bytes.length}`);
  }
  writeUint16(bytes, 0, status);
  bytes.set(text, 2);
  return size;
}

/** Checks that a status fits into two bytes, and that a reason is text. */
function checkBody(status: StatusCode, reason: string): void {
  checkStatus(status);
  checkText("reason", reason);
}
