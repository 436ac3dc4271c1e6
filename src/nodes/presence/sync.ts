/**
 * Keeps nodes of one mind about who is in which topic, over a broker that may lose messages.
 *
 * Theory of operation. Each node tells of its own connections alone, on a topic of the presence topic's own, which those hear that have a
 * use for it. Changes are numbered. What is missing in between is noticed at once (peer-keys.ts); what is missing at the end, by a mark
 * that follows a change with the next sign of life. What both have missed is found by comparing: with a node that has just come, with all
 * when the broker is back or has lost something, and else with one after the other, a few topics at each sign of life, so that it costs
 * the same however many there are. A node that has left takes its keys with it.
 *
 * @module
 */

import { reservedPrefix } from "../../connection/backplane/reserved.ts";
import { NodesError } from "../errors.ts";
import { isWhole, type NodeMessage } from "../message.ts";
import type { Group, GroupListener } from "../group.ts";
import { topicOf } from "../roster.ts";
import type { KeyChange } from "./key-table.ts";
import { highestStamp, inPieces, readKeys } from "./keys-message.ts";
import type { PresenceLimits } from "./options.ts";
import { allOf } from "./own-keys.ts";
import { PresenceTopic, type TopicOwner } from "./topic.ts";

const prefix = `${reservedPrefix}in:`;

/** UTF-16 units of a topic: with the prefix, it is one of the broker's. */
export const longestTopic = 960;

/** Topics that a mark is kept for while the broker is away. */
const mostMarks = 16_384;

/** Topics that are compared at one sign of life: some 32 KiB at the most. */
const topicsAtATime = 512;

/** Nodes that are compared with at once, where something may have been lost. */
const fewNodes = 8;

/** What is told. */
export interface SyncOwner {
  /** Something has changed that handlers are to be told, when all of it is done. */
  changed(topic: PresenceTopic, change: KeyChange): void;
  /** All of it is done. */
  settled(): void;
}

/** The topics of one node. */
export class PresenceSync implements GroupListener {
  /** Keys of other nodes that are left out, since there are more than `maxKeys`. */
  dropped = 0;
  readonly #group: Group;
  readonly #limits: PresenceLimits;
  readonly #owner: SyncOwner;
  readonly #topicOwner: TopicOwner;
  readonly #topics = new Map<string, PresenceTopic>();
  /** Topics with changes that the others are told in a moment. */
  readonly #changed = new Set<PresenceTopic>();
  /** Topics that have changed since the last sign of life, and at which change they are. */
  #marks = new Map<string, number>();
  /** Topics of which a node was asked for all keys. */
  readonly #asked = new Set<PresenceTopic>();
  /** Counts the changes of all topics. */
  #changes = 0;
  /** The highest stamp that was seen. */
  #stamp = 0;
  /** Nodes that are to be compared with, the last of them first. */
  #round: string[] = [];
  /** Topics that are still to be compared with that one. */
  #slice: PresenceTopic[] = [];
  /** "steady": a few topics at a time. "hasty": something may have been lost, and a quarter of the nodes is compared with at a time. */
  #pace: "steady" | "hasty" = "steady";

  constructor(group: Group, limits: PresenceLimits, owner: SyncOwner) {
    this.#group = group;
    this.#limits = limits;
    this.#owner = owner;
    this.#topicOwner = {
      get id() {
        return group.roster.id;
      },
      maxKeys: limits.maxKeys,
      changed: (topic, change) => {
        owner.changed(topic, change);
      },
      dropped: () => {
        this.dropped++;
      },
    };
  }

  /** Gives a topic that somebody here has a use for. */
  get(topic: string): PresenceTopic | undefined {
    return this.#topics.get(topic);
  }

  /** Gives a topic, which is asked for where it is new. @throws {NodesError} `TOO_MANY_TOPICS` */
  open(name: string): PresenceTopic {
    let topic = this.#topics.get(name);
    if (topic !== undefined) return topic;
    const { maxTopics } = this.#limits;
    if (this.#topics.size >= maxTopics) {
      throw new NodesError("TOO_MANY_TOPICS", `maxTopics is ${maxTopics}`);
    }
    topic = new PresenceTopic(name, this.#changes, this.#topicOwner);
    this.#topics.set(name, topic);
    void this.#askAll(topic);
    return topic;
  }

  /** Whether what others say of a topic comes. Never rejects. */
  heard({ name }: PresenceTopic): Promise<boolean> {
    return this.#group.line.subscribe(prefix + name);
  }

  /** Lets a topic go where nobody here has a use for it. */
  release(topic: PresenceTopic): void {
    if (topic.isWanted || this.#topics.get(topic.name) !== topic) return;
    this.#flush(topic);
    this.#topics.delete(topic.name);
    this.#asked.delete(topic);
    this.#group.line.unsubscribe(prefix + topic.name);
  }

  /** Something of this node has changed: the others are told, together with what else changes in this task. @returns As {@link heard}. */
  changedOwn(topic: PresenceTopic): Promise<boolean> {
    if (this.#changed.size === 0) {
      queueMicrotask(() => {
        const changed = [...this.#changed];
        this.#changed.clear();
        for (const each of changed) {
          this.#flush(each);
          this.release(each);
        }
      });
    }
    this.#changed.add(topic);
    return this.heard(topic);
  }

  /** Gives a stamp that is higher than all that were seen, or the highest that others read. */
  nextStamp(): number {
    this.#stamp = Math.min(this.#stamp + 1, highestStamp);
    return this.#stamp;
  }

  joined(id: string): void {
    this.#compare(id);
  }

  left(id: string): void {
    for (const topic of [...this.#topics.values()]) topic.forget(id);
    this.#owner.settled();
  }

  resumed(): void {
    this.#mark();
    this.lost();
    this.#compareHastily();
  }

  lost(): void {
    this.#round = this.#group.roster.others;
    this.#slice = [];
    this.#pace = "hasty";
  }

  beat(): void {
    this.#mark();
    this.#askAgain();
    if (this.#pace === "hasty") this.#compareHastily();
    else this.#compareSteadily();
  }

  leaving(): void {
    for (const topic of [...this.#changed]) this.#flush(topic);
    this.#topics.clear();
  }

  take(message: NodeMessage): boolean {
    const { kind, sender, head } = message;
    if (kind === "compare") return this.#answer(sender, head.topics);
    if (kind === "mark") return this.#takeMark(sender, head.topic, head.at);
    const keys = readKeys(head);
    if (keys === undefined) return false;
    const topic = this.#topics.get(keys.topic);
    if (topic === undefined) return true;
    for (const [, { stamp }] of keys.keys) this.#stamp = Math.max(this.#stamp, stamp);
    if (topic.take(sender, keys)) this.#askFor(sender, topic);
    this.#owner.settled();
    return true;
  }

  #takeMark(sender: string, name: unknown, at: unknown): boolean {
    if (typeof name !== "string" || !isWhole(at)) return false;
    const topic = this.#topics.get(name);
    if (topic?.mark(sender, at) === true) this.#askFor(sender, topic);
    return true;
  }

  /** Tells the others what has changed. While the broker is away they are not told: they compare when it is back. */
  #flush(topic: PresenceTopic): void {
    const before = topic.own.at;
    const messages = topic.own.takeChanges();
    if (messages.length === 0) return;
    this.#changes += topic.own.at - before;
    if (this.#marks.size < mostMarks) this.#marks.set(topic.name, topic.own.at);
    if (this.#group.line.state !== "up") return;
    for (const head of messages) void this.#group.say(prefix + topic.name, "keys", head);
  }

  /** Says at which changes the topics are that have changed. */
  #mark(): void {
    const marks = this.#marks;
    this.#marks = new Map();
    for (const [topic, at] of marks) void this.#group.say(prefix + topic, "mark", { topic, at });
  }

  /** Asks those that are in a topic who is in it, once they are heard. */
  async #askAll(topic: PresenceTopic): Promise<void> {
    const { name } = topic;
    if (!(await this.heard(topic)) || this.#topics.get(name) !== topic) return;
    void this.#group.say(prefix + name, "compare", { topics: [[name, 0]] });
  }

  /** Asks a node for all of its keys in a topic. */
  #askFor(node: string, topic: PresenceTopic): void {
    this.#asked.add(topic);
    this.#sayKnown(node, [topic]);
  }

  /** Asks again for what has not come. */
  #askAgain(): void {
    const asked = [...this.#asked];
    this.#asked.clear();
    for (const node of this.#group.roster.others) {
      const missing = asked.filter((topic) => topic.known(node).isAsked);
      for (const topic of missing) this.#asked.add(topic);
      this.#sayKnown(node, missing);
    }
  }

  /** Says what is known of a node's topics, to that node: it tells what is different. */
  #compare(node: string): void {
    this.#sayKnown(node, this.#topics.values());
  }

  /** Compares all topics with some nodes: all nodes do so when a broker is back. */
  #compareHastily(): void {
    const some = Math.max(fewNodes, Math.ceil(this.#group.roster.others.length / 4));
    for (const node of this.#round.splice(-some)) this.#compare(node);
    if (this.#round.length === 0) this.#pace = "steady";
  }

  /** Compares some topics with one node. */
  #compareSteadily(): void {
    const { roster } = this.#group;
    if (this.#slice.length === 0) {
      this.#round.pop();
      if (this.#round.length === 0) this.#round = roster.others;
      this.#slice = [...this.#topics.values()];
    }
    const node = this.#round.at(-1);
    const topics = this.#slice.splice(-topicsAtATime);
    if (node === undefined || !roster.has(node)) this.#slice = [];
    else this.#sayKnown(node, topics);
  }

  #sayKnown(node: string, topics: Iterable<PresenceTopic>): void {
    const known = Array.from(topics, (topic) => {
      const { at, isAsked } = topic.known(node);
      return [topic.name, at, isAsked];
    });
    if (known.length === 0) return;
    for (const piece of inPieces(known)) {
      void this.#group.say(topicOf(node), "compare", { topics: piece });
    }
  }

  /** Tells a node all keys of those topics of which it knows something else. */
  #answer(node: string, topics: unknown): boolean {
    if (!Array.isArray(topics)) return false;
    // All of it is read first, and each topic once: a small message must not cause any number of large ones.
    const known = new Map<string, [at: number, isAsked: boolean]>();
    for (const fields of topics as unknown[]) {
      if (!Array.isArray(fields)) return false;
      const [name, at, isAsked] = fields as unknown[];
      if (typeof name !== "string" || !isWhole(at) || known.has(name)) return false;
      known.set(name, [at, isAsked === true]);
    }
    for (const [name, [at, isAsked]] of known) this.#answerOf(node, name, at, isAsked);
    return true;
  }

  #answerOf(node: string, name: string, at: number, isAsked: boolean): void {
    const topic = this.#topics.get(name);
    const say = (head: object): void => {
      void this.#group.say(topicOf(node), "keys", head as Record<string, unknown>);
    };
    if (topic === undefined) {
      // Nobody is in it any more, whatever is known there.
      if (isAsked || (at > 0 && at !== this.#changes)) say(allOf(name, this.#changes, []));
      return;
    }
    this.#flush(topic);
    const { own } = topic;
    if (isAsked || (own.at !== at && (at > 0 || own.size > 0)))
      for (const head of own.all()) say(head);
  }
}
