/**
 * Whole frames: functions that build them, mask and unmask them, and compile them to the bytes of the wire.
 *
 * @module
 */

import { checkRange, checkWhole } from "../arguments.ts";
import { concat, copyOf } from "../bytes.ts";
import {
  type StatusCode,
  StatusGoingAway,
  StatusInternalServerError,
  StatusInvalidFramePayloadData,
  StatusMandatoryExt,
  StatusMessageTooBig,
  StatusNormalClosure,
  StatusPolicyViolation,
  StatusProtocolError,
  StatusUnsupportedData,
} from "../status.ts";
import { cipher } from "./cipher.ts";
import { newCloseFrameBody } from "./close.ts";
import { encodeHeader, type Header, headerSize, MaxControlFramePayloadSize } from "./header.ts";
import { newMask } from "./mask.ts";
import { checkOpcode, OpBinary, OpClose, type Opcode, OpPing, OpPong, OpText } from "./opcode.ts";

/** A header and its whole payload. */
export interface Frame {
  /** The header of the frame. */
  readonly header: Header;
  /** The payload, masked if the header says so. */
  readonly payload: Uint8Array;
}

/**
 * Makes an unmasked frame.
 *
 * @param payload Kept, not copied. No rule is checked: the frame may be one that a peer must refuse. Functions that encode a
 * header or a frame let it pass too, and so does `WriteBuffer.addFrame`, except a control frame that is too long.
 * @throws {TypeError} `payload` is no Uint8Array or is detached, or `opcode` is no number.
 * @throws {RangeError} `opcode` is not a whole number from 0 to 15.
 * @see gobwas NewFrame
 */
export function newFrame(opcode: Opcode, fin: boolean, payload: Uint8Array): Frame {
  checkOpcode(opcode);
  checkPayload("payload", payload);
  return {
    header: { fin, rsv: 0, opcode, masked: false, maskKey: 0, length: payload.length },
    payload,
  };
}

/** Checks that `payload` is a Uint8Array and not detached. */
function checkPayload(name: string, payload: Uint8Array): void {
  checkRange(payload, 0, undefined, name);
}

/** Makes a final text frame; `payload` is UTF-8, kept, not copied. @throws {TypeError} It is no Uint8Array. */
export function newTextFrame(payload: Uint8Array): Frame {
  return newFrame(OpText, true, payload);
}

/** Makes a final binary frame; `payload` is kept, not copied. @throws {TypeError} It is no Uint8Array. */
export function newBinaryFrame(payload: Uint8Array): Frame {
  return newFrame(OpBinary, true, payload);
}

/**
 * Makes a ping frame.
 *
 * @param payload At most 125 bytes; kept, not copied.
 * @throws {TypeError} `payload` is no Uint8Array.
 * @throws {RangeError} `payload` is too long (RFC 6455, 5.5).
 * @see gobwas NewPingFrame, which does not check the length
 */
export function newPingFrame(payload: Uint8Array): Frame {
  return newControlFrame(OpPing, payload);
}

/** Makes a pong frame; as {@link newPingFrame}. @see gobwas NewPongFrame, which does not check the length */
export function newPongFrame(payload: Uint8Array): Frame {
  return newControlFrame(OpPong, payload);
}

/**
 * Makes a close frame; as {@link newPingFrame}.
 *
 * @param payload A body as made by newCloseFrameBody.
 * @see gobwas NewCloseFrame, which does not check the length
 */
export function newCloseFrame(payload: Uint8Array): Frame {
  return newControlFrame(OpClose, payload);
}

function newControlFrame(opcode: Opcode, payload: Uint8Array): Frame {
  const frame = newFrame(opcode, true, payload);
  checkControlSize(payload.length);
  return frame;
}

/** Checks the payload length of a control frame. @throws {RangeError} More than 125 bytes (RFC 6455, 5.5). */
export function checkControlSize(size: number): void {
  checkWhole("length", size, MaxControlFramePayloadSize);
}

/**
 * Checks the whole payload of a control frame.
 *
 * @returns Its size.
 * @throws {TypeError} `payload` is no Uint8Array, or is detached.
 * @throws {RangeError} `payload` has more than 125 bytes.
 */
export function checkControl(payload: Uint8Array): number {
  const end = checkRange(payload, 0, undefined, "payload");
  checkControlSize(end);
  return end;
}

/** Masks a copy of `frame` with a new random key. @throws {TypeError} Its payload is no Uint8Array. */
export function maskFrame(frame: Frame): Frame {
  return maskFrameWith(frame, newMask());
}

/**
 * Masks a copy of `frame` with `maskKey`.
 *
 * @throws {TypeError} Its payload is no Uint8Array, or `maskKey` no number.
 * @throws {RangeError} `maskKey` is no 32-bit integer.
 */
export function maskFrameWith(frame: Frame, maskKey: number): Frame {
  return maskFrameInPlaceWith(ownFrame(frame), maskKey);
}

/** Masks the payload of `frame` in place with a new random key, and gives the frame with a new header. */
export function maskFrameInPlace(frame: Frame): Frame {
  return maskFrameInPlaceWith(frame, newMask());
}

/**
 * Masks the payload of `frame` in place with `maskKey`, and gives the frame with a new header.
 *
 * @throws As {@link maskFrameWith}.
 */
export function maskFrameInPlaceWith(frame: Frame, maskKey: number): Frame {
  checkPayload("frame.payload", frame.payload);
  cipher(frame.payload, maskKey);
  return { header: { ...frame.header, masked: true, maskKey }, payload: frame.payload };
}

/** Unmasks a copy of `frame`. @throws {TypeError} Its payload is no Uint8Array. */
export function unmaskFrame(frame: Frame): Frame {
  return unmaskFrameInPlace(ownFrame(frame));
}

/** Unmasks the payload of `frame` in place, and gives the frame with a new header. */
export function unmaskFrameInPlace(frame: Frame): Frame {
  checkPayload("frame.payload", frame.payload);
  cipher(frame.payload, frame.header.maskKey);
  return { header: { ...frame.header, masked: false, maskKey: 0 }, payload: frame.payload };
}

function ownFrame({ header, payload }: Frame): Frame {
  checkPayload("frame.payload", payload);
  return { header, payload: copyOf(payload, 0, payload.length) };
}

/**
 * Gives the bytes of `frame` on the wire. It masks nothing: a frame to be masked must be masked before.
 *
 * @returns A new array, which the caller owns.
 * @throws {TypeError} The payload is no Uint8Array.
 * @throws {RangeError} The header's length differs from the payload's.
 * @see gobwas CompileFrame
 */
export function compileFrame(frame: Frame): Uint8Array<ArrayBuffer> {
  const { header, payload } = frame;
  checkPayload("frame.payload", payload);
  if (header.length !== payload.length) {
    throw new RangeError(
      `Header's length is not the payload's: ${header.length}, ${payload.length}`,
    );
  }
  const head = new Uint8Array(headerSize(header));
  encodeHeader(header, head);
  return concat([head, payload]);
}

/*
 * In gobwas these are variables, which any program may change for all others. Here each call makes a new array. gobwas has two
 * more, for 1004 and 1015, which may never be sent.
 */

/** Makes a server's empty ping: a new array, which the caller owns. @see gobwas CompiledPing */
export function compiledPing(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x89, 0);
}

/** Makes a server's empty pong: a new array, which the caller owns. @see gobwas CompiledPong */
export function compiledPong(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x8a, 0);
}

/** Makes a server's empty close frame: a new array, which the caller owns. @see gobwas CompiledClose */
export function compiledClose(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x88, 0);
}

function compileClose(status: StatusCode): Uint8Array<ArrayBuffer> {
  return compileFrame(newCloseFrame(newCloseFrameBody(status)));
}

/** Makes a new array with a server's close frame: 1000 and no reason. @see gobwas CompiledCloseNormalClosure */
export function compiledCloseNormalClosure(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusNormalClosure);
}

/** Makes a new array with a server's close frame: 1001 and no reason. @see gobwas CompiledCloseGoingAway */
export function compiledCloseGoingAway(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusGoingAway);
}

/** Makes a new array with a server's close frame: 1002 and no reason. @see gobwas CompiledCloseProtocolError */
export function compiledCloseProtocolError(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusProtocolError);
}

/** Makes a new array with a server's close frame: 1003 and no reason. @see gobwas CompiledCloseUnsupportedData */
export function compiledCloseUnsupportedData(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusUnsupportedData);
}

/** Makes a new array with a server's close frame: 1007 and no reason. @see gobwas CompiledCloseInvalidFramePayloadData */
export function compiledCloseInvalidFramePayloadData(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusInvalidFramePayloadData);
}

/** Makes a new array with a server's close frame: 1008 and no reason. @see gobwas CompiledClosePolicyViolation */
export function compiledClosePolicyViolation(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusPolicyViolation);
}

/** Makes a new array with a server's close frame: 1009 and no reason. @see gobwas CompiledCloseMessageTooBig */
export function compiledCloseMessageTooBig(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusMessageTooBig);
}

/** Makes a new array with a server's close frame: 1010 and no reason. @see gobwas CompiledCloseMandatoryExt */
export function compiledCloseMandatoryExt(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusMandatoryExt);
}

/** Makes a new array with a server's close frame: 1011 and no reason. @see gobwas CompiledCloseInternalServerError */
export function compiledCloseInternalServerError(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusInternalServerError);
}
