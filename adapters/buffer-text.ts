/**
 * Converts text with the methods of Node's `Buffer`, which Deno and Bun have too. They cost less than `TextDecoder` and
 * `TextEncoder`, and take ranges, where those need views (bench/micro/text.mjs).
 *
 * @module
 */

import * as buffer from "node:buffer";
import { viewOf } from "../src/bytes.ts";
import { type TextCodec, webText } from "../src/frame/text-codec.ts";

/** The methods that are used. They are not documented, and accept any Uint8Array. */
interface TextMethods {
  /** Decodes a range; invalid bytes become U+FFFD. */
  utf8Slice?(this: Uint8Array, start: number, end: number): string;
  /** Encodes the characters that fit into so many bytes; a surrogate without its partner becomes U+FFFD. */
  utf8Write?(this: Uint8Array, text: string, at: number, room: number): number;
}

/** Gives a codec that uses these methods, or the Web's codec if one is missing. */
export function bufferText(
  methods: TextMethods = buffer.Buffer.prototype as TextMethods,
): TextCodec {
  const { utf8Slice, utf8Write } = methods;
  const { isUtf8 } = buffer;
  if (typeof utf8Slice !== "function" || typeof utf8Write !== "function") return webText;
  return {
    decode(bytes, start, end) {
      let text: string;
      try {
        text = utf8Slice.call(bytes, start, end);
      } catch {
        return undefined; // longer than a string may be
      }
      // A U+FFFD was sent, or it stands for invalid bytes: a fatal decoder finds out.
      return text.includes("\uFFFD") ? webText.decode(bytes, start, end) : text;
    },
    encodeInto: (text, target, at) => utf8Write.call(target, text, at, target.length - at),
    isUtf8: (bytes, start, end) => isUtf8(viewOf(bytes, start, end)),
  };
}
