/**
 * Conversion between text and UTF-8: by the Web's classes, or by a runtime's own functions where those are faster.
 *
 * @module
 */

import { encodeUtf8Into, viewOf } from "../bytes.ts";

/** Converts UTF-8 to text and back. All codecs give the same results, to the byte. */
export interface TextCodec {
  /**
   * Decodes `bytes[start, end)`.
   *
   * @returns The text, with a U+FEFF at its start if there is one, or undefined if the bytes are not valid UTF-8.
   */
  decode(bytes: Uint8Array, start: number, end: number): string | undefined;
  /**
   * Encodes `text` into `target`, from `at` on; a surrogate without its partner becomes U+FFFD.
   *
   * @param target Has room for three bytes for each UTF-16 unit.
   * @returns Bytes written.
   */
  encodeInto(text: string, target: Uint8Array, at: number): number;
  /** Tells whether `bytes[start, end)` are valid UTF-8. Default: a validator checks them byte by byte. */
  isUtf8?(bytes: Uint8Array, start: number, end: number): boolean;
}

/** A fatal decoder throws for invalid UTF-8. `ignoreBOM: true` keeps a U+FEFF at the start, which belongs to the text. */
const decoder: TextDecoder = /* @__PURE__ */ new TextDecoder("utf-8", {
  fatal: true,
  ignoreBOM: true,
});

/** The codec that uses `TextDecoder` and `TextEncoder`. */
export const webText: TextCodec = {
  decode(bytes, start, end) {
    try {
      return decoder.decode(viewOf(bytes, start, end));
    } catch {
      return undefined;
    }
  },
  encodeInto: encodeUtf8Into,
};

// Up to this length a loop is faster than encodeInto, which needs a view (16 characters: 0.3 to 0.4 of it): bench/micro/text.mjs.
const shortText = 24;

/** Encodes `text` into `target`, from `at` on, as `codec` does. @returns Bytes written. */
export function writeText(codec: TextCodec, text: string, target: Uint8Array, at: number): number {
  if (text.length > shortText) return codec.encodeInto(text, target, at);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return codec.encodeInto(text, target, at);
    target[at + i] = unit;
  }
  return text.length;
}
