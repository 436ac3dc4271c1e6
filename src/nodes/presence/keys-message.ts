/**
 * Messages about keys: cuts lists of keys into messages that any broker carries, and checks messages that have come.
 *
 * @module
 */

import { isShortJson } from "../json.ts";
import { type Head, isWhole } from "../message.ts";
import type { KeyEntry } from "./key-table.ts";

/** A message of a node about its keys in a topic. */
export interface KeysMessage {
  readonly topic: string;
  /** The number of the node's change after which this holds. */
  readonly at: number;
  /**
   * Undefined if the message tells one change. Otherwise the message is a part of all keys, and this is its number, from 0 on.
   */
  readonly part: number | undefined;
  /** Whether this is the last part. */
  readonly isLast: boolean;
  readonly keys: readonly (readonly [key: string, entry: KeyEntry])[];
  readonly gone: readonly string[];
}

/** A key in a message: key, connections, stamp, and the state if there is one. */
type KeyFields = readonly [string, number, number, unknown?];

/** UTF-16 units that a key may have. */
export const longestKey = 256;
/** UTF-16 units of JSON that a state may have. */
export const longestState = 1024;

/** About how many UTF-16 units of JSON one message has. Most brokers take 1 MiB or more, but some less by default. */
const pieceSize = 32 * 1024;

/** The highest stamp. No honest node ever gets to it. If a message has it, all nodes use it from then on. */
export const highestStamp: number = 2 ** 52;

/** Gives a key as it stands in a message. */
export function fieldsOf(key: string, { connections, stamp, state }: KeyEntry): KeyFields {
  return state === undefined ? [key, connections, stamp] : [key, connections, stamp, state];
}

/** Cuts a list into pieces that each fit into one message. There is at least one piece. @param most UTF-16 units of JSON. */
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

/** Reads the keys of a message. @returns Undefined if any of them is not valid. */
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

/** Reads the head of a message about keys. @returns Undefined if it is not valid. */
export function readKeys(head: Head): KeysMessage | undefined {
  const { topic, at, full = false, part = 0, last = true, gone = [] } = head;
  const keys = keysOf(head.keys);
  if (typeof topic !== "string" || !isWhole(at) || !isWhole(part) || keys === undefined) {
    return undefined;
  }
  if (!Array.isArray(gone) || !gone.every((key) => typeof key === "string")) return undefined;
  return { topic, at, part: full === true ? part : undefined, isLast: last === true, keys, gone };
}
