/**
 * Channels of PostgreSQL for topics of any name.
 *
 * @module
 */

import { escapeTopic, hashTopic } from "../topic-name.ts";

/** The most bytes of a channel's name. PostgreSQL cuts off the rest of a longer name. */
const longest = 63;
/** The number of characters of "%h" and a SHA-256 in base64url. */
const hashed = 45;

/** The most characters of a prefix. */
export const longestPrefix: number = longest - hashed;

/**
 * Gives the channel of a topic: the prefix and the topic. In the topic, all characters except ASCII letters and digits, "-", "_",
 * "." and ":" are escaped as in a URL, since not every database has Unicode. If the channel's name would be too long, the topic's
 * SHA-256 stands there instead. No two topics have the same channel.
 *
 * @param prefix At most {@link longestPrefix} characters of ASCII.
 */
export function channelOf(prefix: string, topic: string): string {
  if (topic.length <= longest) {
    const channel = prefix + escapeTopic(topic, /[^\w.:-]/gu);
    // A channel's name must not be empty in PostgreSQL.
    if (channel.length <= longest && channel !== "") return channel;
  }
  return prefix + hashTopic(topic, "base64url");
}

/** Gives a name in quotes, as SQL takes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
