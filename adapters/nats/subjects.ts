/**
 * Subjects of NATS for topics of any name.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Characters of a token behind which a name is hashed: a line of the protocol has 4 KiB, and a longer one ends the connection. */
const longest = 1024;

/**
 * Gives the subject of a topic: one token behind the prefix. What is neither a letter nor a digit of ASCII, nor "-" or "_", is escaped as
 * in a URL, so that no name is a wildcard, has levels or ends a line; no two topics have the same one. Of a name that is too long for
 * a subject it is the SHA-256.
 */
export function subjectOf(prefix: string, topic: string): string {
  return prefix + tokenOf(topic);
}

/** Gives that token alone. */
export function tokenOf(topic: string): string {
  if (topic === "") return "%";
  const token = topic.replace(/[^\w-]/gu, escapeCharacter);
  if (token.length <= longest) return token;
  // "%h" is no escape: no other topic has this subject. Code units, since text that is not well-formed has no UTF-8.
  const hash = createHash("sha256").update(Buffer.from(topic, "utf16le")).digest("hex");
  return `%h${hash}`;
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  // Half of a surrogate pair.
  if (code >= 0xd8_00 && code < 0xe0_00) return `%u${code.toString(16)}`;
  const escaped = encodeURIComponent(character);
  return escaped === character ? `%${code.toString(16)}` : escaped;
}
