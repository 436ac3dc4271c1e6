/**
 * Topics on which servers talk to each other, and no application does.
 *
 * @module
 */

/** What they begin with. */
export const reservedPrefix = "$framewire:";

/** Tells whether a topic is one of those. */
export function isReserved(topic: string): boolean {
  return topic.startsWith(reservedPrefix);
}
