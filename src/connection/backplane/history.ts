/**
 * What brokers that keep messages tell of them: positions, and pages of a history.
 *
 * @module
 */

/** Where a message stands among all that were published to its topic. Brokers that keep what is published give one. */
export interface Position {
  /** Which history it is of, at most 64 UTF-16 units: another one as soon as the broker has lost what it kept, or may have. */
  readonly epoch: string;
  /**
   * The place in it: a whole number, or two with a hyphen between them, in decimal digits; later messages have a greater one.
   * Messages need not stand at one number after the other. Before the first is "0".
   */
  readonly offset: string;
}

/** A message that a broker has kept. */
export interface HistoryEntry {
  /** Where it stands. */
  readonly position: Position;
  /** As it was given to `publish`. */
  readonly envelope: Uint8Array;
}

/** What a broker has kept of a topic behind a position. */
export interface HistoryPage {
  /** The messages, oldest first. */
  readonly entries: readonly HistoryEntry[];
  /**
   * Whether nothing is missing between the position that was asked for and the first of them. False where older ones are not kept any
   * more, or the epoch is another one, or nobody can tell: then the page begins with the oldest that is kept.
   */
  readonly complete: boolean;
  /** Up to where the page goes: the position of its last message; where it has none, that of the newest one in the topic. */
  readonly position: Position;
  /** Whether there are more behind it. A driver bounds a page as it sees fit, such as at 1 MiB. */
  readonly more: boolean;
}

/** What became of a subscription with `since`. */
export interface Replayed {
  /**
   * Whether the connection has got, or gets, all that was published behind `since`; false where older messages are not kept any
   * more, the broker is away or has lost them, or the topic has no history.
   */
  readonly complete: boolean;
  /** Messages that it was sent out of the history. */
  readonly replayed: number;
  /** Where the topic is: what is published behind it comes by itself. Undefined where nobody can tell. */
  readonly position: Position | undefined;
}

/** Where a position lies, seen from another one. */
export type Direction = "later" | "same or earlier" | "elsewhere";

const offsets = /^\d{1,20}(?:-\d{1,20})?$/;

/**
 * Tells where `one` lies, seen from `other`. "elsewhere": in another history; so is what is no position at all, as clients may send.
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

/** Compares whole numbers in decimal digits, which may have more of them than a number can hold. */
function compare(one: string, other: string): number {
  const [left, right] = [one.replace(/^0+/, ""), other.replace(/^0+/, "")];
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : Number(left > right);
}
