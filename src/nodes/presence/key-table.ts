/**
 * The members of a topic, put together from the keys that each node has.
 *
 * All nodes come to the same result, in whatever order messages arrive: the connections of a key are added up, and its state is
 * the one with the highest stamp. If two states have the same stamp, the node with the greater id wins.
 *
 * @module
 */

import { ReturningMap } from "../../returning-map.ts";
import type { PresenceMember } from "./options.ts";

/** The entry of one node for a key. */
export interface KeyEntry {
  /** Number of connections with the key on that node, 1 or more. */
  readonly connections: number;
  /** The stamp of the state: a new state gets a higher stamp than all that its node has seen. */
  readonly stamp: number;
  /** The state, a copy by way of JSON; undefined if there is none. */
  readonly state: unknown;
}

/** A change of a member. */
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

  /** Sets a node's entry for a key. @returns The change; undefined if only the number of connections changed. */
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

  /** Removes a node's entry for a key, because the node has no connection with it any more. @returns As {@link set}. */
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
  // A state from another node is a new copy each time, so equal states may be different objects.
  if (JSON.stringify(before.state) === JSON.stringify(after.state)) return undefined;
  return { type: "updated", member: after };
}
