/**
 * Opcodes, and the kind of frame that each one means (RFC 6455, 5.2 and 11.8).
 *
 * @module
 */

import { checkWhole } from "../arguments.ts";

/**
 * A frame's opcode, 0x0 to 0xF. Any number is accepted, such as a decoded one. The constants are marked for the compiler, so that
 * a constant of another kind, such as a `State`, does not compile in the place of an opcode.
 */
export type Opcode = number & {
  /** Exists only for the compiler: no value has it. */
  readonly "~kind"?: "opcode";
};

/** The next fragment of a message. */
export const OpContinuation: Opcode = 0x0;
/** UTF-8 text. */
export const OpText: Opcode = 0x1;
/** Binary data. */
export const OpBinary: Opcode = 0x2;
/** The closing handshake. */
export const OpClose: Opcode = 0x8;
/** Asks for a pong. */
export const OpPing: Opcode = 0x9;
/** Answers a ping. */
export const OpPong: Opcode = 0xa;

/** Tells whether `opcode` means a control frame, reserved ones (0xB to 0xF) included. */
export function isControl(opcode: Opcode): boolean {
  return (opcode & 0x8) !== 0;
}

/** Tells whether `opcode` means a data frame, continuation and reserved ones (0x3 to 0x7) included. */
export function isData(opcode: Opcode): boolean {
  return (opcode & 0x8) === 0;
}

/** Tells whether `opcode` has no meaning yet: 0x3 to 0x7 and 0xB to 0xF. */
export function isReserved(opcode: Opcode): boolean {
  return (opcode & 0x7) > OpBinary;
}

/**
 * Checks an opcode, reserved or not.
 *
 * @throws {TypeError} It is no number.
 * @throws {RangeError} It is not a whole number from 0 to 15.
 */
export function checkOpcode(opcode: Opcode): void {
  checkWhole("opcode", opcode, 15);
}
