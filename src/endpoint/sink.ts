/**
 * Where messages go once they are whole.
 *
 * @module
 */

import { ProtocolError } from "../errors.ts";
import type { Opcode } from "../frame/opcode.ts";
import type { TextCodec } from "../frame/text-codec.ts";
import { decodeRange } from "../frame/utf8.ts";

/** Who gets the messages. */
export interface MessageSink {
  /** A text message is complete and valid. */
  text(data: string): void;
  /**
   * A binary message is complete.
   *
   * @param isOwned Whether `bytes` are the receiver's to keep; otherwise they are valid until the call returns.
   */
  binary(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void;
  /** A message begins that is passed on piece by piece, where that was asked for. */
  begin(isText: boolean): void;
  /** A piece of it, of text maybe cut inside a character; the bytes are valid until the call returns. */
  piece(bytes: Uint8Array, start: number, end: number): void;
  /** It is complete. */
  end(): void;
  /** A control frame is complete; its payload is valid until the call returns. */
  control(opcode: Opcode, bytes: Uint8Array, start: number, end: number): void;
  /** What has come takes a while: no frame may follow before `resumed`. */
  stopped(): void;
  /** It is done; or has failed with `error`, a ProtocolError or LimitError as a rule. */
  resumed(error?: unknown): void;
}

/** Delivers a text, decoded by `codec`. @throws {ProtocolError} `INVALID_UTF8` */
export function deliverText(
  sink: MessageSink,
  bytes: Uint8Array,
  start: number,
  end: number,
  codec: TextCodec,
): void {
  const text = decodeRange(bytes, start, end, codec);
  if (text === undefined) throw new ProtocolError("INVALID_UTF8");
  sink.text(text);
}
