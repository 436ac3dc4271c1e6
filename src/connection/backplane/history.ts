/**
 * Positions of messages, and pages of a history, as brokers that keep messages give them.
 *
 * @module
 */

/** The place of a message among all messages of its topic. Brokers that keep messages give each a position. */
export interface Position {
  /** Names the history, at most 64 UTF-16 units. It changes as soon as the broker has lost messages that it kept, or may have. */
  readonly epoch: string;
  /**
   * The place in the history: a whole number, or two with a hyphen between them, in decimal digits. Later messages have greater
   * offsets; numbers may be left out. The offset before the first message is "0".
   */
  readonly offset: string;
}

/** A message that a broker has kept. */
export interface HistoryEntry {
  /** The message's position. */
  readonly position: Position;
  /** The envelope, as `publish` got it. */
  readonly envelope: Uint8Array;
}

/** The messages of a topic that a broker has kept after a position. */
export interface HistoryPage {
  /** The messages, oldest first. */
  readonly entries: readonly HistoryEntry[];
  /**
   * True if no message is missing between the position that was asked for and the first entry. False if the broker no longer
   * keeps the messages in between, if the epoch differs, or if this is unknown: then the page begins with the oldest message that
   * is kept.
   */
  readonly complete: boolean;
  /** The position of the last message of the page; if the page is empty, the position of the topic's newest message. */
  readonly position: Position;
  /** Whether more messages follow. The driver chooses the size of a page, such as at most 1 MiB. */
  readonly more: boolean;
}

/** The result of a subscription with `since`. */
export interface Replayed {
  /**
   * True if the connection gets all messages after `since`. False if the broker does not keep them any more, is away or has lost
   * them, or if the topic has no history.
   */
  readonly complete: boolean;
  /** Number of messages from the history that were sent to the connection. */
  readonly replayed: number;
  /** The position from which on the connection gets all new messages; undefined if it is unknown. */
  readonly position: Position | undefined;
}

/** Where one position lies, seen from another. */
export type Direction = "later" | "same or earlier" | "elsewhere";

const offsets = /^\d{1,20}(?:-\d{1,20})?$/;

/**
 * Tells where `one` lies, seen from `other`. "elsewhere": in another history, or not a valid position, which a client may have
 * sent.
 */
export function directionOf(one: Position, other: Position): Direction {
  if (one.epoch !== other.epoch || !isOffset(one.offset) || !isOffset(other.offset)) {
    return "elsewhere";
  }
  const [ours, theirs] = [one.offset.split("-"), other.offset.split("-")];
  const difference = compare(ours[0]!, theirs[0]!) || compare(ours[1] ?? "0", theirs[1] ?? "0");
  return difference > 0 ? "later" : "same or earlier";
}

function isOffset(value: unknown): boolean {
  return typeof value === "string" && offsets.test(value);
}

/** Compares whole numbers in decimal digits, as strings, because a number cannot hold 20 digits. */
function compare(one: string, other: string): number {
  const [left, right] = [one.replace(/^0+/, ""), other.replace(/^0+/, "")];
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : Number(left > right);
}
