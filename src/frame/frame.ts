/**
 * Whole frames: builders, masking twins, and frames compiled to the bytes of the wire.
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
  /** What stands in front of the payload. */
  readonly header: Header;
  /** Masked where the header says so. */
  readonly payload: Uint8Array;
}

/**
 * Makes an unmasked frame.
 *
 * @param payload Kept, not copied. No rule is checked: a frame can be made that a peer must refuse. Whatever encodes a header or a
 * frame as it is given lets it pass, and so does `WriteBuffer.addFrame`, unless it is a control frame that is too long.
 * @throws {TypeError} `payload` is no Uint8Array or is detached, or `opcode` is no number.
 * @throws {RangeError} `opcode` is no whole number from 0 to 15: a frame holds no other.
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

/** Checks that these are bytes, and that their memory is there. */
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
 * @throws {TypeError} It is no Uint8Array.
 * @throws {RangeError} It is too long (RFC 6455, 5.5).
 * @see gobwas NewPingFrame, which does not look
 */
export function newPingFrame(payload: Uint8Array): Frame {
  return newControlFrame(OpPing, payload);
}

/** Makes a pong frame; as {@link newPingFrame}. @see gobwas NewPongFrame, which does not look */
export function newPongFrame(payload: Uint8Array): Frame {
  return newControlFrame(OpPong, payload);
}

/**
 * Makes a close frame; as {@link newPingFrame}.
 *
 * @param payload A body as newCloseFrameBody makes it.
 * @see gobwas NewCloseFrame, which does not look
 */
export function newCloseFrame(payload: Uint8Array): Frame {
  return newControlFrame(OpClose, payload);
}

function newControlFrame(opcode: Opcode, payload: Uint8Array): Frame {
  const frame = newFrame(opcode, true, payload);
  checkControlSize(payload.length);
  return frame;
}

/** Checks how long the payload of a control frame is. @throws {RangeError} More than 125 bytes (RFC 6455, 5.5). */
export function checkControlSize(size: number): void {
  checkWhole("length", size, MaxControlFramePayloadSize);
}

/** Masks a copy of `frame`, with a key of its own. @throws {TypeError} Its payload is no Uint8Array. */
export function maskFrame(frame: Frame): Frame {
  return maskFrameWith(frame, newMask());
}

/**
 * Masks a copy of `frame` with `maskKey`.
 *
 * @throws {TypeError} Its payload is no Uint8Array, or `maskKey` no number.
 * @throws {RangeError} `maskKey` is no integer of 32 bits.
 */
export function maskFrameWith(frame: Frame, maskKey: number): Frame {
  return maskFrameInPlaceWith(ownFrame(frame), maskKey);
}

/** Masks the payload of `frame` where it lies, with a key of its own, and gives the frame with a new header. */
export function maskFrameInPlace(frame: Frame): Frame {
  return maskFrameInPlaceWith(frame, newMask());
}

/** Masks the payload of `frame` where it lies with `maskKey`, and gives the frame with a new header. @throws As {@link maskFrameWith}. */
export function maskFrameInPlaceWith(frame: Frame, maskKey: number): Frame {
  checkPayload("frame.payload", frame.payload);
  cipher(frame.payload, maskKey);
  return { header: { ...frame.header, masked: true, maskKey }, payload: frame.payload };
}

/** Unmasks a copy of `frame`. @throws {TypeError} Its payload is no Uint8Array. */
export function unmaskFrame(frame: Frame): Frame {
  return unmaskFrameInPlace(ownFrame(frame));
}

/** Unmasks the payload of `frame` where it lies, and gives the frame with a new header. */
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
 * Turns `frame` into the bytes of the wire, as it is: masked only where it has been masked.
 *
 * @returns A new array, yours.
 * @throws {TypeError} The payload is no Uint8Array.
 * @throws {RangeError} The header's length is not the payload's.
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
 * gobwas has these as variables, which anybody may change for everybody. Here each call makes a new array. gobwas has two more,
 * for 1004 and 1015, which may never be sent.
 */

/** Makes an empty ping of a server: a new array, yours. @see gobwas CompiledPing */
export function compiledPing(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x89, 0);
}

/** Makes an empty pong of a server: a new array, yours. @see gobwas CompiledPong */
export function compiledPong(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x8a, 0);
}

/** Makes an empty close of a server: a new array, yours. @see gobwas CompiledClose */
export function compiledClose(): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x88, 0);
}

function compileClose(status: StatusCode): Uint8Array<ArrayBuffer> {
  return compileFrame(newCloseFrame(newCloseFrameBody(status)));
}

/** Makes a server's close frame with 1000 and no reason: a new array, yours. @see gobwas CompiledCloseNormalClosure */
export function compiledCloseNormalClosure(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusNormalClosure);
}

/** Makes a server's close frame with 1001 and no reason: a new array, yours. @see gobwas CompiledCloseGoingAway */
export function compiledCloseGoingAway(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusGoingAway);
}

/** Makes a server's close frame with 1002 and no reason: a new array, yours. @see gobwas CompiledCloseProtocolError */
export function compiledCloseProtocolError(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusProtocolError);
}

/** Makes a server's close frame with 1003 and no reason: a new array, yours. @see gobwas CompiledCloseUnsupportedData */
export function compiledCloseUnsupportedData(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusUnsupportedData);
}

/** Makes a server's close frame with 1007 and no reason: a new array, yours. @see gobwas CompiledCloseInvalidFramePayloadData */
export function compiledCloseInvalidFramePayloadData(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusInvalidFramePayloadData);
}

/** Makes a server's close frame with 1008 and no reason: a new array, yours. @see gobwas CompiledClosePolicyViolation */
export function compiledClosePolicyViolation(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusPolicyViolation);
}

/** Makes a server's close frame with 1009 and no reason: a new array, yours. @see gobwas CompiledCloseMessageTooBig */
export function compiledCloseMessageTooBig(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusMessageTooBig);
}

/** Makes a server's close frame with 1010 and no reason: a new array, yours. @see gobwas CompiledCloseMandatoryExt */
export function compiledCloseMandatoryExt(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusMandatoryExt);
}

/** Makes a server's close frame with 1011 and no reason: a new array, yours. @see gobwas CompiledCloseInternalServerError */
export function compiledCloseInternalServerError(): Uint8Array<ArrayBuffer> {
  return compileClose(StatusInternalServerError);
}
