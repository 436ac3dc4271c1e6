/**
 * The last step of a text message: its bytes become a string.
 *
 * @module
 */

import { ProtocolError } from "../errors.ts";
import type { TextCodec } from "../frame/text-codec.ts";
import { decodeRange } from "../frame/utf8.ts";
import type { MessageEvents } from "./endpoint-events.ts";

/** Delivers a text, decoded by `codec`. @throws {ProtocolError} `INVALID_UTF8` */
export function deliverText(
  events: MessageEvents,
  bytes: Uint8Array,
  start: number,
  end: number,
  codec: TextCodec,
): void {
  const text = decodeRange(bytes, start, end, codec);
  if (text === undefined) throw new ProtocolError("INVALID_UTF8");
  events.onText(text);
}
