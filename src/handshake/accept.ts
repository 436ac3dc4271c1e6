/**
 * Proves that a server has understood the request: makes Sec-WebSocket-Accept from Sec-WebSocket-Key (RFC 6455, 4.2.2).
 *
 * @module
 */

import { copy, latin1, writeLatin1 } from "../bytes.ts";
import { base64Into } from "./base64.ts";
import { sha1Into, sha1Size } from "./sha1.ts";

/** Number of characters of a Sec-WebSocket-Key. */
export const KeySize = 24;
/** Number of characters of a Sec-WebSocket-Accept. */
export const AcceptSize = 28;

/** The text that every server appends to the key. */
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// Used within one synchronous call only, so all calls can share it.
const input = /* @__PURE__ */ new Uint8Array(KeySize + 36);
const hash = /* @__PURE__ */ new Uint8Array(sha1Size);

/**
 * Writes the accept value to `target`, from index `at` on.
 *
 * @param key An array that contains the key: 24 bytes from `start` on.
 */
export function acceptInto(target: Uint8Array, at: number, key: Uint8Array, start: number): void {
  copy(input, 0, key, start, start + KeySize);
  writeLatin1(input, KeySize, guid);
  sha1Into(hash, input);
  base64Into(target, at, hash);
}

/**
 * Gives the accept value for a key.
 *
 * @param key A Sec-WebSocket-Key: 24 ASCII characters. The function does not check that they are base64.
 * @throws {RangeError} `key` has another length.
 */
export function acceptKey(key: string): string {
  if (key.length !== KeySize) throw new RangeError(`Key must have 24 characters: ${key.length}`);
  const bytes = new Uint8Array(KeySize);
  writeLatin1(bytes, 0, key);
  const accept = new Uint8Array(AcceptSize);
  acceptInto(accept, 0, bytes, 0);
  return latin1(accept, 0, AcceptSize);
}
