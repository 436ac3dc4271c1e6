/**
 * Ways between text and UTF-8: the Web's, or a runtime's own where that is faster.
 *
 * @module
 */

import { encodeUtf8Into, viewOf } from "../bytes.ts";

/** Turns UTF-8 into text and back. All do the same, to the byte. */
export interface TextCodec {
  /**
   * Decodes `bytes[start, end)`.
   *
   * @returns The text, a U+FEFF at its start included, or undefined where the bytes are not valid UTF-8.
   */
  decode(bytes: Uint8Array, start: number, end: number): string | undefined;
  /**
   * Encodes `text` at `target[at]` and what follows; a surrogate without its partner becomes U+FFFD.
   *
   * @param target Has room for three bytes a UTF-16 unit.
   * @returns Bytes written.
   */
  encodeInto(text: string, target: Uint8Array, at: number): number;
  /** Tells whether `bytes[start, end)` are valid UTF-8. Default: they are gone through one by one. */
  isUtf8?(bytes: Uint8Array, start: number, end: number): boolean;
}

/** A fatal decoder says no by throwing; `ignoreBOM: true` keeps a U+FEFF at the start, which belongs to the text. */
const decoder: TextDecoder = /* @__PURE__ */ new TextDecoder("utf-8", {
  fatal: true,
  ignoreBOM: true,
});

/** By `TextDecoder` and `TextEncoder`. */
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
