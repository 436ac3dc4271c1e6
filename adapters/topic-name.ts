/**
 * The name of a topic within what a broker's own names may hold: escaped, or hashed if it is too long.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Escapes each character that a pattern finds, as in a URL. So no two topics have the same name. @param found Has the flags g and u. */
export function escapeTopic(topic: string, found: RegExp): string {
  return topic.replace(found, escapeCharacter);
}

/**
 * Gives "%h" and the SHA-256 of a topic. "%h" is not an escape, so that no escaped topic has this name. Code units are hashed,
 * since text with lone surrogates has no UTF-8.
 */
export function hashTopic(topic: string, encoding: "hex" | "base64url"): string {
  return `%h${createHash("sha256").update(Buffer.from(topic, "utf16le")).digest(encoding)}`;
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  // A lone surrogate.
  if (code >= 0xd8_00 && code < 0xe0_00) return `%u${code.toString(16)}`;
  const escaped = encodeURIComponent(character);
  return escaped === character ? `%${code.toString(16)}` : escaped;
}
