/**
 * RSV1, the bit that marks compressed messages (RFC 7692, 6).
 *
 * @module
 */

import { ProtocolError } from "../errors.ts";
import type { RecvExtension, SendExtension } from "../extension/extension.ts";
import type { Header } from "../frame/header.ts";
import { isControl, OpContinuation } from "../frame/opcode.ts";

const rsv1 = 4;

/** Tells whether a frame may have the bit: "on the first fragment of a message" (RFC 7692, 6.1). */
function isFirst({ opcode }: Header): boolean {
  return opcode !== OpContinuation && !isControl(opcode);
}

/**
 * Tells whether a header begins a compressed message.
 *
 * @throws {ProtocolError} `RSV1_UNEXPECTED`: the bit on a control frame or a continuation
 * @see gobwas IsCompressed
 */
export function isCompressed(header: Header): boolean {
  if ((header.rsv & rsv1) === 0) return false;
  if (!isFirst(header)) throw new ProtocolError("RSV1_UNEXPECTED");
  return true;
}

/**
 * Clears the bit in `header`.
 *
 * @returns Whether it was set.
 * @throws {ProtocolError} `RSV1_UNEXPECTED`: the bit on a control frame or a continuation
 * @see gobwas UnsetBit
 */
export function unsetBit(header: Header): boolean {
  const wasSet = isCompressed(header);
  header.rsv &= ~rsv1;
  return wasSet;
}

/**
 * Sets the bit in `header`.
 *
 * @throws {ProtocolError} `RSV1_UNEXPECTED`: the bit is already set, or this is a control frame or a continuation
 * @see gobwas SetBit
 */
export function setBit(header: Header): void {
  if ((header.rsv & rsv1) !== 0 || !isFirst(header)) throw new ProtocolError("RSV1_UNEXPECTED");
  header.rsv |= rsv1;
}

/**
 * Knows whether the present message is compressed: from a received first frame, or for the first frame to send.
 *
 * It does not touch payloads. It is for applications that compress in front of a Writer, or decompress behind a Reader.
 *
 * @see gobwas MessageState
 */
export class MessageState implements RecvExtension, SendExtension {
  #isCompressed = false;

  /** @see gobwas MessageState.IsCompressed */
  get isCompressed(): boolean {
    return this.#isCompressed;
  }

  /** Says whether the next sent message is compressed. @see gobwas MessageState.SetCompressed */
  setCompressed(isCompressed: boolean): void {
    this.#isCompressed = isCompressed;
  }

  /**
   * Clears the bit of a message's first frame, and remembers its value until the next message.
   *
   * @throws {ProtocolError} `RSV1_UNEXPECTED`: the bit on a control frame or a continuation
   * @see gobwas MessageState.UnsetBits
   */
  unsetBits(header: Header): void {
    if (isFirst(header)) this.#isCompressed = unsetBit(header);
    else isCompressed(header);
  }

  /**
   * Sets the bit of a message's first frame if the message is compressed.
   *
   * @throws {ProtocolError} `RSV1_UNEXPECTED`: the bit is already set
   * @see gobwas MessageState.SetBits
   */
  setBits(header: Header): void {
    if (isFirst(header) && this.#isCompressed) setBit(header);
    else if ((header.rsv & rsv1) !== 0) throw new ProtocolError("RSV1_UNEXPECTED");
  }
}
