/**
 * Makes all nodes agree about who is in which topic, over a broker that may lose messages.
 *
 * Theory of operation. Each node tells only of its own connections. Each presence topic has a reserved topic for these messages,
 * and only nodes that need the topic subscribe to it. Changes are numbered. A node notices a missing change when the next change
 * comes (peer-keys.ts), or by a mark, which follows a change with the next sign of life. If the mark is lost, too, comparing
 * finds the difference: a node compares with each node that joins, and with all nodes when the broker is back or has lost
 * messages. At other times it compares with one node after another, a few topics at each sign of life, so that the cost does not
 * grow with their number. When a node leaves, its keys go, too.
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

/** UTF-16 units that a topic may have, so that it is short enough for the broker even with the prefix. */
export const longestTopic = 960;

/** The largest number of topics whose marks wait for the next sign of life, which may be long while the broker is away. */
const mostMarks = 16_384;

/** Number of topics that are compared at one sign of life: about 32 KiB if their names have some 50 characters. */
const topicsAtATime = 512;

/** The smallest number of nodes to compare with at one sign of life after messages may have been lost. */
const fewNodes = 8;

/** What the synchronisation tells its owner. */
export interface SyncOwner {
  /** A member has changed. The owner keeps the change until `settled`, and then tells the handlers. */
  changed(topic: PresenceTopic, change: KeyChange): void;
  /** All changes of one message, or of one node that has gone, are done. */
  settled(): void;
}

/** The topics of one node. */
export class PresenceSync implements GroupListener {
  /** Number of times that a key of another node was left out, because that node had more than `maxKeys` keys in a topic. */
  dropped = 0;
  readonly #group: Group;
  readonly #limits: PresenceLimits;
  readonly #owner: SyncOwner;
  readonly #topicOwner: TopicOwner;
  readonly #topics = new Map<string, PresenceTopic>();
  /** Topics with changes that a microtask will tell the other nodes. */
  readonly #changed = new Set<PresenceTopic>();
  /** Topics that have changed since the last sign of life, each with the number of its last change. */
  #marks = new Map<string, number>();
  /** Topics of which this node has asked any node for all keys. */
  readonly #asked = new Set<PresenceTopic>();
  /** Counts the changes of all topics. */
  #changes = 0;
  /** The highest stamp that this node has seen. */
  #stamp = 0;
  /** Nodes that are still to compare with, beginning with the last of the list. */
  #round: string[] = [];
  /** Topics that are still to compare with the last node of `#round`. */
  #slice: PresenceTopic[] = [];
  /**
   * "steady": compares a few topics at a time. "hasty": messages may have been lost, so compares with a quarter of the nodes at a
   * time.
   */
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

  /** Gives a topic; undefined if this node does not need it. */
  get(topic: string): PresenceTopic | undefined {
    return this.#topics.get(topic);
  }

  /** Gives a topic. If it is new, asks the other nodes for its keys. @throws {NodesError} `TOO_MANY_TOPICS` */
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

  /** Tells whether messages of other nodes about a topic come. Never rejects. */
  heard({ name }: PresenceTopic): Promise<boolean> {
    return this.#group.line.subscribe(prefix + name);
  }

  /** Forgets a topic if this node does not need it. */
  release(topic: PresenceTopic): void {
    if (topic.isWanted || this.#topics.get(topic.name) !== topic) return;
    this.#flush(topic);
    this.#topics.delete(topic.name);
    this.#asked.delete(topic);
    this.#group.line.unsubscribe(prefix + topic.name);
  }

  /**
   * A key of this node has changed. A microtask tells the other nodes all changes of this turn together.
   *
   * @returns As {@link heard}.
   */
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

  /** Gives a stamp that is higher than all that this node has seen, or the highest stamp. */
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

  /**
   * Tells the other nodes what has changed. While the broker is away it tells nothing, since all nodes compare when it is back.
   */
  #flush(topic: PresenceTopic): void {
    const before = topic.own.at;
    const messages = topic.own.takeChanges();
    if (messages.length === 0) return;
    this.#changes += topic.own.at - before;
    if (this.#marks.size < mostMarks) this.#marks.set(topic.name, topic.own.at);
    if (this.#group.line.state !== "up") return;
    for (const head of messages) void this.#group.say(prefix + topic.name, "keys", head);
  }

  /** Sends the marks of the topics that have changed. */
  #mark(): void {
    const marks = this.#marks;
    this.#marks = new Map();
    for (const [topic, at] of marks) void this.#group.say(prefix + topic, "mark", { topic, at });
  }

  /** Asks all nodes for their keys in a topic, as soon as this node is subscribed to it. */
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

  /** Asks again for keys that have not come. */
  #askAgain(): void {
    const asked = [...this.#asked];
    this.#asked.clear();
    for (const node of this.#group.roster.others) {
      const missing = asked.filter((topic) => topic.known(node).isAsked);
      for (const topic of missing) this.#asked.add(topic);
      this.#sayKnown(node, missing);
    }
  }

  /** Compares all topics with a node. The node answers with its keys in the topics that differ. */
  #compare(node: string): void {
    this.#sayKnown(node, this.#topics.values());
  }

  /** Compares all topics with some nodes. Not with all at once, because all nodes do this when the broker is back. */
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

  /** Answers a comparison: sends all keys of the topics in which the other node's number differs. */
  #answer(node: string, topics: unknown): boolean {
    if (!Array.isArray(topics)) return false;
    // Reads the whole message first, and refuses a topic that comes twice: a small message must not cause many large answers.
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
      // No connection of this node is in the topic any more. The other node may still have old keys.
      if (isAsked || (at > 0 && at !== this.#changes)) say(allOf(name, this.#changes, []));
      return;
    }
    this.#flush(topic);
    const { own } = topic;
    if (isAsked || (own.at !== at && (at > 0 || own.size > 0)))
      for (const head of own.all()) say(head);
  }
}
