/**
 * Channels of PostgreSQL for topics of any name.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Bytes that the name of a channel may have: PostgreSQL cuts off the rest of a longer one. */
const longest = 63;
/** Characters of "%h" and a SHA-256 in base64url. */
const hashed = 45;

/** Characters that a prefix may have. */
export const longestPrefix: number = longest - hashed;

/**
 * Gives the channel of a topic: the prefix, and the topic with whatever is neither a letter nor a digit of ASCII, nor "-", "_", "." or ":"
 * escaped as in a URL, since not every database has Unicode. Of a name that is too long it is the SHA-256. No two topics have the
 * same one.
 *
 * @param prefix At most {@link longestPrefix} characters of ASCII.
 */
export function channelOf(prefix: string, topic: string): string {
  if (topic.length <= longest) {
    const channel = prefix + topic.replace(/[^\w.:-]/gu, escapeCharacter);
    // PostgreSQL has no channel without a name.
    if (channel.length <= longest && channel !== "") return channel;
  }
  // "%h" is no escape: no other topic has this channel. Code units, since text that is not well-formed has no UTF-8.
  const hash = createHash("sha256").update(Buffer.from(topic, "utf16le")).digest("base64url");
  return `${prefix}%h${hash}`;
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  // Half of a surrogate pair.
  if (code >= 0xd8_00 && code < 0xe0_00) return `%u${code.toString(16)}`;
  const escaped = encodeURIComponent(character);
  return escaped === character ? `%${code.toString(16)}` : escaped;
}

/** Spells a name as SQL takes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
