/**
 * Opcodes and what kind of frame each one makes (RFC 6455, 5.2 and 11.8).
 *
 * @module
 */

/** A frame's opcode, 0x0 to 0xF. */
export type Opcode = number;

/** The next fragment of a message. */
export const OpContinuation = 0x0;
/** UTF-8 text. */
export const OpText = 0x1;
/** Binary data. */
export const OpBinary = 0x2;
/** The closing handshake. */
export const OpClose = 0x8;
/** Asks for a pong. */
export const OpPing = 0x9;
/** Answers a ping. */
export const OpPong = 0xa;

/** Tells whether `opcode` is one of a control frame, reserved ones (0xB to 0xF) included. */
export function isControl(opcode: Opcode): boolean {
  return (opcode & 0x8) !== 0;
}

/** Tells whether `opcode` is one of a data frame, continuation and reserved ones (0x3 to 0x7) included. */
export function isData(opcode: Opcode): boolean {
  return (opcode & 0x8) === 0;
}

/** Tells whether `opcode` has no meaning yet: 0x3 to 0x7 and 0xB to 0xF. */
export function isReserved(opcode: Opcode): boolean {
  return (opcode & 0x7) > OpBinary;
}
