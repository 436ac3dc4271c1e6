/**
 * Subjects of NATS for topics of any name.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/**
 * The most characters of a token; a longer name is hashed. A line of the protocol has at most 4 KiB: a longer one ends the
 * connection.
 */
const longest = 1024;

/**
 * Gives the subject of a topic: the prefix and one token. All characters except ASCII letters and digits, "-" and "_" are escaped
 * as in a URL. So no name is a wildcard, has levels or ends a line, and no two topics have the same subject. If the token would
 * be longer than 1024 characters, it is the SHA-256 of the name.
 */
export function subjectOf(prefix: string, topic: string): string {
  return prefix + tokenOf(topic);
}

/** Gives the token of a topic, without a prefix. */
export function tokenOf(topic: string): string {
  if (topic === "") return "%";
  const token = topic.replace(/[^\w-]/gu, escapeCharacter);
  if (token.length <= longest) return token;
  // "%h" is not an escape, so that no other topic has this token. Code units are hashed, since text with lone surrogates has no
  // UTF-8.
  const hash = createHash("sha256").update(Buffer.from(topic, "utf16le")).digest("hex");
  return `%h${hash}`;
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  // A lone surrogate.
  if (code >= 0xd8_00 && code < 0xe0_00) return `%u${code.toString(16)}`;
  const escaped = encodeURIComponent(character);
  return escaped === character ? `%${code.toString(16)}` : escaped;
}
