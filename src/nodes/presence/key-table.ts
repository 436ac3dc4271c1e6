/**
 * Who is in a topic, put together from what each node says of its own connections.
 *
 * All nodes come to the same, in whatever order they hear of it: connections are added up, and of several states the one with the
 * highest stamp holds, of two with one stamp that of the node with the greater id.
 *
 * @module
 */

import { ReturningMap } from "../../returning-map.ts";
import type { PresenceMember } from "./options.ts";

/** What one node says of a key. */
export interface KeyEntry {
  /** Its connections there, 1 or more. */
  readonly connections: number;
  /** When the state was given: a number that grows with all stamps that were seen. */
  readonly stamp: number;
  /** As JSON has it; undefined where there is none. */
  readonly state: unknown;
}

/** What has happened to a key. */
export interface KeyChange {
  readonly type: "joined" | "left" | "updated";
  readonly member: PresenceMember;
}

type Holders = Map<string, KeyEntry>;

/** The keys of one topic. */
export class KeyTable {
  readonly #keys = new ReturningMap<string, Holders>();

  /** Gives all members. */
  members(): PresenceMember[] {
    return this.#keys.keys().map((key) => memberOf(key, this.#keys.get(key)!));
  }

  /** A node says something of a key. @returns What that changes, where it changes what is seen. */
  set(node: string, key: string, entry: KeyEntry): KeyChange | undefined {
    let holders = this.#keys.get(key);
    if (holders === undefined) {
      this.#keys.set(key, (holders = new Map([[node, entry]])));
      return { type: "joined", member: memberOf(key, holders) };
    }
    const before = memberOf(key, holders);
    holders.set(node, entry);
    return updateOf(before, memberOf(key, holders));
  }

  /** A node has no connection with a key any more. @returns As {@link set}. */
  remove(node: string, key: string): KeyChange | undefined {
    const holders = this.#keys.get(key);
    if (holders?.has(node) !== true) return undefined;
    const before = memberOf(key, holders);
    holders.delete(node);
    if (holders.size > 0) return updateOf(before, memberOf(key, holders));
    this.#keys.delete(key);
    return { type: "left", member: { ...before, connections: 0 } };
  }
}

function memberOf(key: string, holders: Holders): PresenceMember {
  let connections = 0;
  let last: KeyEntry | undefined;
  let lastNode = "";
  for (const [node, entry] of holders) {
    connections += entry.connections;
    const isLater =
      last === undefined ||
      entry.stamp > last.stamp ||
      (entry.stamp === last.stamp && node > lastNode);
    if (!isLater) continue;
    last = entry;
    lastNode = node;
  }
  return { key, state: last!.state, connections };
}

function updateOf(before: PresenceMember, after: PresenceMember): KeyChange | undefined {
  if (before.state === after.state) return undefined;
  // What came from another node is a copy: it may say the same.
  if (JSON.stringify(before.state) === JSON.stringify(after.state)) return undefined;
  return { type: "updated", member: after };
}
