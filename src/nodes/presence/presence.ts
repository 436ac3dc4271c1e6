/**
 * Presence: who is in a topic, over all nodes.
 *
 * @module
 */

import { checkMilliseconds, checkText, wrongType } from "../../arguments.ts";
import { checkKind, checkOptions, type Kind } from "../../check-options.ts";
import { isPromise, quiet, rejected } from "../../deferred.ts";
import { Fifo } from "../../fifo.ts";
import { NodesError } from "../errors.ts";
import { copyOfJson } from "../json.ts";
import type { Group } from "../group.ts";
import { textOf } from "../message.ts";
import { groupOf, Nodes } from "../nodes.ts";
import { type AskOptions, askTable } from "../options.ts";
import { type KeyChange, type KeyEntry, KeyTable } from "./key-table.ts";
import { fieldsOf, inPieces, keysOf, longestKey, longestState } from "./keys-message.ts";
import {
  type Gathered,
  type PresenceHandlers,
  type PresenceLimits,
  type PresenceMember,
  type PresenceOptions,
  type PresentConnection,
  resolvePresence,
} from "./options.ts";
import { Seats } from "./seats.ts";
import { longestTopic, PresenceSync } from "./sync.ts";
import type { PresenceTopic } from "./topic.ts";

const aConnection: Kind = {
  expected: "a Connection",
  is: (value) => isPromise((value as PresentConnection | undefined)?.closed),
};

/**
 * Lets nodes say who is in a topic. Only nodes that have connections in it, or watch it, hear of it.
 *
 * @param nodes Those of one server; one presence each.
 * @throws {TypeError} The nodes are not of `joinNodes`, or have a presence already; an option or a handler is not known, or of a wrong
 * type.
 * @throws {RangeError} A number is NaN or below 0.
 * @example
 * const presence = presenceOf(nodes, {}, { joined: (room, { key }) => server.publish(room, `${key} is here`) });
 * const server = await serve({ port: 8080, backplane: nodes }, {
 *   open: (ws) => presence.enter(ws, "lobby", ws.context.user, { since: Date.now() }),
 * });
 */
export function presenceOf(
  nodes: Nodes,
  options: PresenceOptions = {},
  handlers: PresenceHandlers = {},
): Presence {
  if (!(nodes instanceof Nodes)) throw wrongType("nodes", "what joinNodes() gives", nodes);
  return new Presence(groupOf(nodes), resolvePresence(options, handlers), handlers);
}

/** Who is in which topic. */
export class Presence {
  readonly #group: Group;
  readonly #limits: PresenceLimits;
  readonly #handlers: PresenceHandlers;
  readonly #sync: PresenceSync;
  readonly #seats = new Seats((ws) => {
    for (const topic of this.#seats.of(ws)) this.leave(ws, topic);
  });
  /** What handlers have not been told yet. */
  readonly #news = new Fifo<{ readonly topic: PresenceTopic; readonly change: KeyChange }>();
  #isTelling = false;

  /** @internal For the library: it comes from `presenceOf`. */
  constructor(group: Group, limits: PresenceLimits, handlers: PresenceHandlers) {
    this.#group = group;
    this.#limits = limits;
    this.#handlers = handlers;
    this.#sync = new PresenceSync(group, limits, {
      changed: (topic, change) => {
        this.#news.push({ topic, change });
      },
      settled: () => {
        this.#tell();
      },
    });
    if (!group.listen(this.#sync)) throw new TypeError("These nodes have a presence already");
    group.answering.answer("presence", ({ head }) => {
      const own = this.#sync.get(textOf(head.topic))?.own.entries() ?? [];
      const fields = Array.from(own, ([key, entry]) => fieldsOf(key, entry));
      const [keys, ...more] = inPieces(fields, group.settings.maxMessageSize);
      return { head: { keys, more: more.length > 0 } };
    });
  }

  /** Keys of other nodes that are left out, since they have more than `maxKeys` in a topic. */
  get dropped(): number {
    return this.#sync.dropped;
  }

  /**
   * A connection enters a topic, until it leaves or is over. Where it is in it already, it may have another key or state.
   *
   * @param topic 1 to 960 UTF-16 units. It need not be one that is published to.
   * @param key Whose connection it is, 1 to 256 UTF-16 units: all that have the same key are one member.
   * @param state What there is to say of the key: anything that JSON can hold, in 1 024 characters of it. Undefined leaves it as it is.
   * @returns Whether what others say of the topic comes from now on, as `Connection.subscribe`; false where the connection is not
   * open, and does not enter. Never rejects.
   * @throws {TypeError} There is no connection, the topic or the key is no such string, the state is not what JSON can hold.
   * @throws {RangeError} The state is too long.
   * @throws {NodesError} `TOO_MANY_TOPICS`, `TOO_MANY_KEYS`, `NOT_JOINED`
   */
  enter(ws: PresentConnection, topic: string, key: string, state?: unknown): Promise<boolean> {
    checkKind("ws", aConnection, ws);
    checkName("topic", topic, longestTopic);
    checkName("key", key, longestKey);
    const copy = copyOfJson("state", state, longestState);
    if (this.#group.roster.id === "") throw new NodesError("NOT_JOINED");
    if (ws.state !== "open" || this.#group.roster.state === "left") return Promise.resolve(false);
    const place = this.#sync.open(topic);
    const before = this.#seats.get(ws, topic);
    const isNew = place.own.get(key) === undefined;
    const isLast = before !== undefined && place.own.get(before)?.connections === 1;
    if (isNew && place.own.size - (isLast ? 1 : 0) >= this.#limits.maxKeys) {
      this.#sync.release(place);
      throw new NodesError("TOO_MANY_KEYS", `maxKeys is ${this.#limits.maxKeys}`);
    }
    this.#seats.set(ws, topic, key);
    this.#count(place, key, before === key ? 0 : 1, copy);
    if (before !== undefined && before !== key) this.#count(place, before, -1);
    const heard = this.#sync.changedOwn(place);
    this.#tell();
    return heard;
  }

  /**
   * Says something else of the key by which a connection is in a topic. Where it is in none, nothing happens.
   *
   * @param state As of {@link enter}; null for nothing.
   * @throws {TypeError} JSON cannot hold it. @throws {RangeError} It is too long.
   */
  update(ws: PresentConnection, topic: string, state: unknown): void {
    const copy = copyOfJson("state", state, longestState);
    const key = this.#seats.get(ws, topic);
    const place = this.#sync.get(topic);
    if (key === undefined || place === undefined) return;
    this.#count(place, key, 0, copy);
    void this.#sync.changedOwn(place);
    this.#tell();
  }

  /** A connection leaves a topic. Where it is not in it, nothing happens. */
  leave(ws: PresentConnection, topic: string): void {
    const key = this.#seats.get(ws, topic);
    if (key === undefined) return;
    this.#seats.delete(ws, topic);
    const place = this.#sync.get(topic);
    if (place === undefined) return;
    this.#count(place, key, -1);
    void this.#sync.changedOwn(place);
    this.#tell();
  }

  /**
   * Hears of a topic although no connection here is in it, until {@link unwatch}.
   *
   * @returns As {@link enter}.
   * @throws {TypeError} The topic is no string of 1 to 960 UTF-16 units. @throws {NodesError} `TOO_MANY_TOPICS`, `NOT_JOINED`
   */
  watch(topic: string): Promise<boolean> {
    checkName("topic", topic, longestTopic);
    if (this.#group.roster.id === "") throw new NodesError("NOT_JOINED");
    if (this.#group.roster.state === "left") return Promise.resolve(false);
    const place = this.#sync.open(topic);
    place.isWatched = true;
    return this.#sync.heard(place);
  }

  /** Watches a topic no more. Where no connection is in it, nothing is known of it from now on, and nobody is told to have left. */
  unwatch(topic: string): void {
    const place = this.#sync.get(topic);
    if (place === undefined) return;
    place.isWatched = false;
    this.#sync.release(place);
  }

  /**
   * Gives the members of a topic that is watched, or that connections here are in; of others none. Right after the first of those has
   * entered, members on other nodes may be missing that are told by `joined` a moment later: {@link gather} waits for them.
   */
  list(topic: string): PresenceMember[] {
    return this.#sync.get(topic)?.members() ?? [];
  }

  /**
   * Asks all nodes for the members of a topic, watched or not.
   *
   * @returns Who is in it, and which nodes have not told. Rejects with `NodesError` `BUSY`, `NOT_JOINED` or `LEFT`; a rejection that
   * nobody awaits is not reported as unhandled.
   * @throws {TypeError} An argument is wrong. @throws {RangeError} `timeout` is NaN or below 0.
   */
  gather(topic: string, options: AskOptions = {}): Promise<Gathered> {
    checkName("topic", topic, longestTopic);
    checkOptions(options, askTable);
    checkMilliseconds("timeout", options.timeout);
    const { roster, settings } = this.#group;
    if (roster.id === "") return rejected(new NodesError("NOT_JOINED"));
    const { timeout = settings.timeout } = options;
    return quiet(this.#gather(topic, timeout || Infinity));
  }

  async #gather(topic: string, within: number): Promise<Gathered> {
    const { asking, roster } = this.#group;
    const answers = await asking.ask(undefined, within, { for: "presence", topic });
    const table = new KeyTable();
    const missing: string[] = [];
    for (const { node, message } of answers) {
      const keys = keysOf(message?.head.keys);
      if (keys === undefined || message?.head.more === true) missing.push(node);
      for (const [key, entry] of keys ?? []) table.set(node, key, entry);
    }
    const own = this.#sync.get(topic)?.own.entries() ?? [];
    for (const [key, entry] of own) table.set(roster.id, key, entry);
    return { members: table.members(), missing };
  }

  /** A key has more connections here, or less, or another state. */
  #count(place: PresenceTopic, key: string, more: -1 | 0 | 1, state?: unknown): void {
    if (more === 0 && state === undefined) return;
    const before: KeyEntry = place.own.get(key) ?? { connections: 0, stamp: 0, state: undefined };
    const connections = before.connections + more;
    if (connections === 0) place.setOwn(key, undefined);
    else if (state === undefined) place.setOwn(key, { ...before, connections });
    else place.setOwn(key, { connections, stamp: this.#sync.nextStamp(), state });
  }

  /** Tells handlers what has happened, in order: what they do themselves comes behind it. */
  #tell(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    const { joined, left, updated } = this.#handlers;
    const handlers = { joined, left, updated };
    for (let news = this.#news.shift(); news !== undefined; news = this.#news.shift()) {
      const { topic, change } = news;
      if (this.#sync.get(topic.name) !== topic) continue;
      const { [change.type]: handler } = handlers;
      this.#group.call("presence", () => handler?.call(this.#handlers, topic.name, change.member));
    }
    this.#isTelling = false;
  }
}

function checkName(name: string, value: unknown, most: number): void {
  checkText(name, value);
  if (value.length > 0 && value.length <= most) return;
  throw new TypeError(`${name} must be a string of 1 to ${most} UTF-16 units: ${value.length}`);
}
