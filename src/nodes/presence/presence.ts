/**
 * Presence: the members of topics, on all nodes together.
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
 * Lets nodes share who is in a topic. Only the nodes that have connections in a topic, or watch it, get its changes.
 *
 * @param nodes A result of `joinNodes`; it can have one presence.
 * @throws {TypeError} `nodes` is no result of `joinNodes`, or has a presence already; an option or a handler is not known, or of
 * a wrong type.
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

/** Knows who is in which topic. */
export class Presence {
  readonly #group: Group;
  readonly #limits: PresenceLimits;
  readonly #handlers: PresenceHandlers;
  readonly #sync: PresenceSync;
  readonly #seats = new Seats((ws) => {
    for (const topic of this.#seats.of(ws)) this.leave(ws, topic);
  });
  /** Changes that the handlers have not got yet. */
  readonly #news = new Fifo<{ readonly topic: PresenceTopic; readonly change: KeyChange }>();
  #isTelling = false;

  /** @internal For the library: `presenceOf` makes a presence. */
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

  /** Number of times that a key of another node was left out, because that node had more than `maxKeys` keys in a topic. */
  get dropped(): number {
    return this.#sync.dropped;
  }

  /**
   * A connection enters a topic, and stays until it leaves or ends. If it is in the topic already, this changes its key or state.
   *
   * @param topic 1 to 960 UTF-16 units. Nobody needs to publish to it.
   * @param key Whose connection it is, 1 to 256 UTF-16 units: all connections with the same key are one member.
   * @param state The state of the key: any value that JSON can hold, at most 1 024 UTF-16 units of JSON. Undefined keeps the
   * state.
   * @returns Whether changes on other nodes come from now on, as `Connection.subscribe` tells; false if the connection is not
   * open, and so does not enter. Never rejects.
   * @throws {TypeError} `ws` is no connection, the topic or the key is no such string, or JSON cannot hold the state.
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
   * Changes the state of the key that a connection has in a topic. If the connection is not in the topic, nothing happens.
   *
   * @param state As for {@link enter}. Null is a state, too; undefined keeps the state.
   * @throws {TypeError} JSON cannot hold the state. @throws {RangeError} The state is too long.
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

  /** A connection leaves a topic. If it is not in the topic, nothing happens. */
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
   * Gets the changes of a topic even while no connection of this node is in it, until {@link unwatch}.
   *
   * @returns Whether changes on other nodes come from now on. Never rejects.
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

  /**
   * Ends {@link watch}. If no connection of this node is in the topic, its members are forgotten; the handler `left` is not
   * called for them.
   */
  unwatch(topic: string): void {
    const place = this.#sync.get(topic);
    if (place === undefined) return;
    place.isWatched = false;
    this.#sync.release(place);
  }

  /**
   * Gives the members of a topic that this node watches, or that its connections are in; of other topics none. Right after
   * `watch` or the first `enter`, members on other nodes may be missing: the handler `joined` gets them soon, and {@link gather}
   * waits for them.
   */
  list(topic: string): PresenceMember[] {
    return this.#sync.get(topic)?.members() ?? [];
  }

  /**
   * Asks all nodes for the members of a topic. This node need not watch the topic.
   *
   * @returns The members, and the nodes without an answer. Rejects with `NodesError` `BUSY`, `NOT_JOINED` or `LEFT`; a rejection
   * that nobody awaits is not reported as unhandled.
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

  /** Changes a key of this node: one connection more or less, or another state. */
  #count(place: PresenceTopic, key: string, more: -1 | 0 | 1, state?: unknown): void {
    if (more === 0 && state === undefined) return;
    const before: KeyEntry = place.own.get(key) ?? { connections: 0, stamp: 0, state: undefined };
    const connections = before.connections + more;
    if (connections === 0) place.setOwn(key, undefined);
    else if (state === undefined) place.setOwn(key, { ...before, connections });
    else place.setOwn(key, { connections, stamp: this.#sync.nextStamp(), state });
  }

  /** Gives the changes to the handlers, in order. A change that a handler makes comes after those that wait already. */
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
