/**
 * Keys of a topic on their way: cut into messages that any broker carries, and read with care.
 *
 * @module
 */

import { isShortJson } from "../json.ts";
import { type Head, isWhole } from "../message.ts";
import type { KeyEntry } from "./key-table.ts";

/** What a node says of its keys in a topic. */
export interface KeysMessage {
  readonly topic: string;
  /** The number of the change behind which this holds. */
  readonly at: number;
  /** Undefined for what has changed since the change before. Otherwise a part of all keys that there are, 0 for the first. */
  readonly part: number | undefined;
  /** Whether no part comes behind it. */
  readonly isLast: boolean;
  readonly keys: readonly (readonly [key: string, entry: KeyEntry])[];
  readonly gone: readonly string[];
}

/** A key as it goes over the broker: key, connections, stamp, and the state where it has one. */
type KeyFields = readonly [string, number, number, unknown?];

/** UTF-16 units that a key may have. */
export const longestKey = 256;
/** UTF-16 units of JSON that a state may have. */
export const longestState = 1024;

/** UTF-16 units of JSON in one message, about: brokers take a mebibyte at least, and some less by default. */
const pieceSize = 32 * 1024;

/** No node comes to a higher one in its life. Where somebody says that it has, all stay at this one. */
export const highestStamp: number = 2 ** 52;

/** Gives the fields of a key. */
export function fieldsOf(key: string, { connections, stamp, state }: KeyEntry): KeyFields {
  return state === undefined ? [key, connections, stamp] : [key, connections, stamp, state];
}

/** Cuts a list into lists that are no longer than a message may be; there is one at least. */
export function inPieces<Item>(items: Iterable<Item>, most: number = pieceSize): Item[][] {
  let piece: Item[] = [];
  const pieces = [piece];
  let size = 0;
  for (const item of items) {
    const own = JSON.stringify(item).length + 1;
    if (size + own > most && piece.length > 0) {
      pieces.push((piece = []));
      size = 0;
    }
    piece.push(item);
    size += own;
  }
  return pieces;
}

/** Reads keys as they came. @returns Undefined where they are none. */
export function keysOf(value: unknown): [key: string, entry: KeyEntry][] | undefined {
  if (!Array.isArray(value)) return undefined;
  const keys: [string, KeyEntry][] = [];
  for (const fields of value as unknown[]) {
    if (!Array.isArray(fields)) return undefined;
    const [key, connections, stamp, state] = fields as unknown[];
    if (typeof key !== "string" || !isWhole(connections) || !isWhole(stamp)) return undefined;
    if (connections === 0 || stamp > highestStamp) return undefined;
    if (key === "" || key.length > longestKey || !isShortJson(state, longestState))
      return undefined;
    keys.push([key, { connections, stamp, state }]);
  }
  return keys;
}

/** Reads a message of keys. @returns Undefined where it is none. */
export function readKeys(head: Head): KeysMessage | undefined {
  const { topic, at, full = false, part = 0, last = true, gone = [] } = head;
  const keys = keysOf(head.keys);
  if (typeof topic !== "string" || !isWhole(at) || !isWhole(part) || keys === undefined) {
    return undefined;
  }
  if (!Array.isArray(gone) || !gone.every((key) => typeof key === "string")) return undefined;
  return { topic, at, part: full === true ? part : undefined, isLast: last === true, keys, gone };
}
