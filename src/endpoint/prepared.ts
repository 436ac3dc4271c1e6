/**
 * A message for many connections: it is encoded once, and compressed once for all connections that compress alike.
 *
 * @module
 */

import { checkRange, checkTextOrBytes } from "../arguments.ts";
import { copyOf, encodeUtf8 } from "../bytes.ts";
import { compileFrame, newFrame } from "../frame/frame.ts";
import { OpBinary, type Opcode, OpText } from "../frame/opcode.ts";

/** The part of a message that all connections share. The library never hands it out, since a change would reach all of them. */
export class PreparedContent {
  readonly #opcode: Opcode;
  /** The payload. */
  readonly bytes: Uint8Array;
  /** What extensions have made of the payload, by a key that connections with the same parameters share. */
  readonly cache: Map<string, Uint8Array> = new Map();
  #frame: Uint8Array | undefined;

  constructor(opcode: Opcode, bytes: Uint8Array) {
    this.#opcode = opcode;
    this.bytes = bytes;
  }

  /** The whole frame, not masked. It is made at its first use. */
  get frame(): Uint8Array {
    return (this.#frame ??= compileFrame(newFrame(this.#opcode, true, this.bytes)));
  }
}

/** A message that is sent on many connections. Changes to bytes that it gives out do not change what is sent. */
export class PreparedMessage {
  /** OpText or OpBinary. */
  readonly opcode: Opcode;
  /** Whether it may be compressed. */
  readonly compress: boolean;
  /** Bytes of the payload. */
  readonly size: number;
  /**
   * The part that connections share. It is hidden because nobody else may change it.
   *
   * @internal
   */
  declare readonly content: PreparedContent;

  /**
   * Makes a message.
   *
   * @param data A string is sent as text, bytes as binary; they are copied.
   * @param compress Whether a connection may compress it. Default: true.
   * @param isText Whether bytes are the UTF-8 of a text message; the UTF-8 is not checked. Default: false.
   * @throws {TypeError} `data` is neither a string nor a Uint8Array, or is detached.
   */
  constructor(data: string | Uint8Array, compress: boolean = true, isText: boolean = false) {
    checkTextOrBytes("data", data);
    if (typeof data !== "string") checkRange(data, 0, undefined, "data");
    const bytes = typeof data === "string" ? encodeUtf8(data) : copyOf(data, 0, data.length);
    this.opcode = typeof data === "string" || isText ? OpText : OpBinary;
    this.compress = compress;
    this.size = bytes.length;
    Object.defineProperty(this, "content", { value: new PreparedContent(this.opcode, bytes) });
    Object.freeze(this);
  }

  /** The payload: a new array at each access, which the caller owns. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return copyOf(this.content.bytes, 0, this.content.bytes.length);
  }

  /**
   * The whole frame, not masked, as a server sends it without compression: a new array at each access, which the caller owns.
   */
  get frame(): Uint8Array<ArrayBuffer> {
    return copyOf(this.content.frame, 0, this.content.frame.length);
  }
}
