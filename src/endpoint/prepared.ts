/**
 * A message for many connections: encoded once, and compressed once for all that compress alike.
 *
 * @module
 */

import { checkRange, checkTextOrBytes } from "../arguments.ts";
import { copyOf, encodeUtf8 } from "../bytes.ts";
import { compileFrame, newFrame } from "../frame/frame.ts";
import { OpBinary, type Opcode, OpText } from "../frame/opcode.ts";

/** What all connections share of a message: nobody outside of the library gets it, since nobody may change it. */
export class PreparedContent {
  readonly #opcode: Opcode;
  /** The payload. */
  readonly bytes: Uint8Array;
  /** What extensions have made of it, for connections that are alike. */
  readonly cache: Map<string, Uint8Array> = new Map();
  #frame: Uint8Array | undefined;

  constructor(opcode: Opcode, bytes: Uint8Array) {
    this.#opcode = opcode;
    this.bytes = bytes;
  }

  /** The frame, whole and not masked. Made at its first use. */
  get frame(): Uint8Array {
    return (this.#frame ??= compileFrame(newFrame(this.#opcode, true, this.bytes)));
  }
}

/** A message that is sent on many connections. Nothing that it gives out can change what is sent. */
export class PreparedMessage {
  /** OpText or OpBinary. */
  readonly opcode: Opcode;
  /** Whether it may be compressed. */
  readonly compress: boolean;
  /** Bytes of the payload. */
  readonly size: number;
  /**
   * What connections share. Nobody else may change it, so that it is not shown.
   *
   * @internal
   */
  declare readonly content: PreparedContent;

  /**
   * Takes a message's data.
   *
   * @param data A string is sent as text, bytes as binary; they are copied.
   * @param compress Whether a connection may compress it. Default: true.
   * @param isText Whether bytes are those of a text, which is not looked at. Default: false.
   * @throws {TypeError} `data` is neither, or is detached.
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

  /** The payload: a new array each time, yours. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return copyOf(this.content.bytes, 0, this.content.bytes.length);
  }

  /**
   * Its frame, whole and not masked, as a server sends it to those that do not compress: a new array each time, yours.
   */
  get frame(): Uint8Array<ArrayBuffer> {
    return copyOf(this.content.frame, 0, this.content.frame.length);
  }
}
