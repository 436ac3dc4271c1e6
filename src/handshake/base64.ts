/**
 * Base64 with padding, for handshakes (RFC 4648, 4).
 *
 * @module
 */

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const padding = 0x3d;

/**
 * Encodes `source`, and writes it to `target` from index `at` on.
 *
 * @returns Number of bytes written: four for each three bytes of the source, with padding at the end.
 */
export function base64Into(target: Uint8Array, at: number, source: Uint8Array): number {
  const start = at;
  for (let from = 0; from < source.length; from += 3) {
    const left = source.length - from;
    const bits =
      (source[from] << 16) |
      (left > 1 ? source[from + 1] << 8 : 0) |
      (left > 2 ? source[from + 2] : 0);
    target[at++] = alphabet.charCodeAt(bits >> 18);
    target[at++] = alphabet.charCodeAt((bits >> 12) & 0x3f);
    target[at++] = left > 1 ? alphabet.charCodeAt((bits >> 6) & 0x3f) : padding;
    target[at++] = left > 2 ? alphabet.charCodeAt(bits & 0x3f) : padding;
  }
  return at - start;
}

/** Tells whether `byte` is one of the 64 characters of base64. */
function isBase64Byte(byte: number): boolean {
  return (
    (byte >= 0x41 && byte <= 0x5a) ||
    (byte >= 0x61 && byte <= 0x7a) ||
    (byte >= 0x2f && byte <= 0x39) ||
    byte === 0x2b
  );
}

/**
 * Tells whether a range is base64 of 16 bytes: 22 characters and `==`.
 *
 * The last character has four bits that belong to no byte. They may be anything, because some clients set them. The hash is made
 * from the text, so these bits do no harm.
 */
export function isBase64Of16(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 24 || bytes[end - 1] !== padding || bytes[end - 2] !== padding) return false;
  for (let at = start; at < end - 2; at++) {
    if (!isBase64Byte(bytes[at])) return false;
  }
  return true;
}
