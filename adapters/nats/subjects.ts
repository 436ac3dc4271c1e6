/**
 * Subjects of NATS for topics of any name.
 *
 * @module
 */

import { escapeTopic, hashTopic } from "../topic-name.ts";

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
  const token = escapeTopic(topic, /[^\w-]/gu);
  return token.length <= longest ? token : hashTopic(topic, "hex");
}
