/**
 * Topics on which servers talk to each other. Applications cannot use them.
 *
 * @module
 */

/** The beginning of each reserved topic. */
export const reservedPrefix = "$framewire:";

/** Tells whether a topic is reserved. */
export function isReserved(topic: string): boolean {
  return topic.startsWith(reservedPrefix);
}
