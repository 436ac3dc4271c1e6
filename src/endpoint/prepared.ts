/**
 * A message for many connections: encoded once, and compressed once for all that compress alike.
 *
 * @module
 */

import { copyOf, encodeUtf8 } from "../bytes.ts";
import { compileFrame, newFrame } from "../frame/frame.ts";
import { OpBinary, type Opcode, OpText } from "../frame/opcode.ts";

/** A message that is sent on many connections. */
export class PreparedMessage {
  /** OpText or OpBinary. */
  readonly opcode: Opcode;
  /** The payload, not to be changed. */
  readonly bytes: Uint8Array;
  /** Whether it may be compressed. */
  readonly compress: boolean;
  /** What extensions have made of it, for connections that are alike. */
  readonly cache: Map<string, Uint8Array> = new Map();
  #frame: Uint8Array | undefined;

  /**
   * Takes a message's data.
   *
   * @param data A string is sent as text, bytes as binary; they are copied.
   * @param compress Whether a connection may compress it. Default: true.
   */
  constructor(data: string | Uint8Array, compress: boolean = true) {
    this.opcode = typeof data === "string" ? OpText : OpBinary;
    this.bytes = typeof data === "string" ? encodeUtf8(data) : copyOf(data);
    this.compress = compress;
  }

  /** Its frame, whole and not masked, as a server sends it to those that do not compress; not to be changed. */
  get frame(): Uint8Array {
    return (this.#frame ??= compileFrame(newFrame(this.opcode, true, this.bytes)));
  }
}
