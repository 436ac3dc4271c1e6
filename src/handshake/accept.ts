/**
 * The proof that a server understood the request: Sec-WebSocket-Accept from Sec-WebSocket-Key (RFC 6455, 4.2.2).
 *
 * @module
 */

import { copy, latin1, writeLatin1 } from "../bytes.ts";
import { base64Into } from "./base64.ts";
import { sha1Into, sha1Size } from "./sha1.ts";

/** Characters of a Sec-WebSocket-Key. */
export const KeySize = 24;
/** Characters of a Sec-WebSocket-Accept. */
export const AcceptSize = 28;

/** What every server appends to the key. */
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

// Used within one call, which nothing can interrupt.
const input = /* @__PURE__ */ new Uint8Array(KeySize + 36);
const hash = /* @__PURE__ */ new Uint8Array(sha1Size);

/**
 * Writes the accept value at `target[at]` and what follows.
 *
 * @param key Its 24 bytes from `start` on are the key.
 */
export function acceptInto(target: Uint8Array, at: number, key: Uint8Array, start: number): void {
  copy(input, 0, key, start, start + KeySize);
  writeLatin1(input, KeySize, guid);
  sha1Into(hash, input);
  base64Into(target, at, hash);
}

/**
 * Gives the accept value that answers a key.
 *
 * @param key A Sec-WebSocket-Key, 24 ASCII characters; that they are base64 is not checked.
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
