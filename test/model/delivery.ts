import { firstDifference, isPrefix, labelOf, wordsFor } from "./content.ts";
import type { Entry, Receipt } from "./journal.ts";

/*
 * What one side must have received of what the other one sent: nothing else, nothing twice, nothing in part, in order,
 * and without gaps. How far it goes, and what has to have come by now, follows from how the connection ended.
 */

/** What is known of a side's receiving. */
export interface Delivered {
  readonly findings: readonly string[];
  /** Messages that have come, whole or in part. */
  readonly come: ReadonlySet<Entry>;
  /** Those of which not all has come, though it was wanted. */
  readonly broken: ReadonlySet<Entry>;
}

/** Data that is long enough to tell whose it is. */
const tellingSize = 12;

/** What need not have come. */
export interface DeliveryOptions {
  /** When the sender closed: what was not complete by then is given up, and others need not wait for it. */
  readonly closedAt?: number | undefined;
  /** Whether some may be missing, as where connections were lost in between. */
  readonly mayLose?: boolean;
}

/** Finds out which message each receipt is, and whether they came as they must. */
export function delivered(
  entries: readonly Entry[],
  all: readonly Receipt[],
  { closedAt = Infinity, mayLose = false }: DeliveryOptions = {},
): Delivered {
  const receipts = all.filter(({ state }) => state !== "asked").sort((a, b) => a.at - b.at);
  const findings: string[] = [];
  const entryOf = new Map<Receipt, Entry>();
  const come = new Set<Entry>();
  const match = (receipt: Receipt): void => {
    const fitting = entries.filter((entry) => !come.has(entry) && fits(receipt, entry));
    // A part may well be of one that was given up: of the first that it fits, since nothing comes behind a part that is cut off.
    const isWhole = receipt.state === "whole";
    const entry = fitting.find(({ isVoid }) => !isWhole || !isVoid) ?? fitting[0];
    if (entry === undefined) {
      findings.push(strange(receipt, entries));
      return;
    }
    if (entry.isVoid && receipt.state === "whole") {
      findings.push(`${entry.label} has come, though it was rejected or given up`);
    }
    come.add(entry);
    entryOf.set(receipt, entry);
  };
  // First those that tell who they are; what is left over for the others is less then.
  for (const receipt of receipts) if (isTelling(receipt)) match(receipt);
  for (const receipt of receipts) if (!isTelling(receipt)) match(receipt);

  const order = receipts.flatMap((receipt) => entryOf.get(receipt) ?? []);
  const broken = receipts.filter(({ state }) => state === "broken");
  return {
    findings: [...findings, ...misplaced(order), ...(mayLose ? [] : gaps(entries, come, closedAt))],
    come,
    broken: new Set(broken.flatMap((receipt) => entryOf.get(receipt) ?? [])),
  };
}

/**
 * Gives those that must have come: complete at a time, and behind none that is not.
 *
 * @param at When the sender closed, or now.
 */
export function due(entries: readonly Entry[], at: number, heedsRefusals: boolean): Entry[] {
  const isDue = (entry: Entry): boolean =>
    entry.completedAt < at && entry.placedTo < at && !(heedsRefusals && entry.isRefused);
  const blocking = entries.filter((entry) => !entry.isVoid && !isDue(entry));
  return entries.filter(
    (entry) =>
      !entry.isVoid &&
      isDue(entry) &&
      !blocking.some(({ placedFrom }) => placedFrom < entry.placedTo),
  );
}

function isTelling({ data }: Receipt): boolean {
  return data.length >= tellingSize;
}

function fits({ state, text, data }: Receipt, entry: Entry): boolean {
  if (entry.text !== text) return false;
  if (state !== "whole") return isPrefix(data, entry.data);
  return entry.completedAt < Infinity
    ? firstDifference(data, entry.data) === -1
    : data.length > 0 && firstDifference(data, entry.data) === -1;
}

/** Says what is wrong with a message that nobody has sent. */
function strange({ data, state }: Receipt, entries: readonly Entry[]): string {
  const what = `${wordsFor(data)} has come (${state})`;
  const label = labelOf(data).replace(/\..*/, "");
  const entry = entries.find((other) => other.label === label);
  if (entry === undefined) return `${what}, which nobody has sent`;
  const difference = firstDifference(data, entry.data);
  if (difference === -1) return `${label} has come twice, or before it was complete`;
  const sent = wordsFor(entry.data);
  const there = entry.data.length;
  return difference === data.length && data.length < there
    ? `${what}: a part of ${sent}, cut off`
    : `${what}: it is not ${sent}, from place ${difference} on`;
}

function misplaced(order: readonly Entry[]): string[] {
  for (const [index, later] of order.entries()) {
    const earlier = order.slice(0, index).find(({ placedFrom }) => later.placedTo < placedFrom);
    if (earlier !== undefined) {
      return [`${later.label} was sent before ${earlier.label}, and has come after it`];
    }
  }
  return [];
}

/** What is missing, though something that was sent behind it has come. */
function gaps(entries: readonly Entry[], come: ReadonlySet<Entry>, closedAt: number): string[] {
  // What is in pieces, and not complete when the other side closes, is refused; what is whole and was sent behind it still leaves.
  const mayMiss = ({ isVoid, isRefused, placedTo, completedAt }: Entry): boolean =>
    isVoid ||
    (isRefused && completedAt > placedTo) ||
    (closedAt < Infinity && completedAt > closedAt);
  for (const entry of come) {
    const missing = entries.find(
      (other) => !come.has(other) && !mayMiss(other) && other.placedTo < entry.placedFrom,
    );
    if (missing !== undefined) {
      const kind = missing.completedAt < Infinity ? "is missing" : "is not complete";
      return [`${missing.label} ${kind}, though ${entry.label} has come, which was sent behind it`];
    }
  }
  return [];
}
