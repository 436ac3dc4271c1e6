/**
 * Topics that connections subscribe to, here and on the other members of a backplane.
 *
 * @module
 */

import type { PreparedMessage } from "../../endpoint/prepared.ts";
import { LimitError } from "../../errors.ts";
import type { Backplane, BackplaneMembership, Publication } from "./backplane.ts";
import {
  deliver,
  type Delivery,
  type DeliveryOptions,
  type DeliverySettings,
  type Subscriber,
} from "./delivery.ts";

/** A limit on topics, and what holds for slow receivers. */
export interface TopicSettings extends DeliverySettings {
  /** Topics that one connection may subscribe to. */
  readonly maxTopics: number;
}

/** UTF-16 units that the name of a topic may have. */
const longestTopic = 1024;

/**
 * Who is subscribed to what. Publishing costs what the topic's own subscribers cost, and leaving what the leaver's own
 * topics cost, whatever else there is.
 */
export class Topics<Receiver extends Subscriber> {
  readonly #settings: TopicSettings;
  readonly #subscribers = new Map<string, Set<Receiver>>();
  readonly #topics = new Map<Receiver, Set<string>>();
  readonly #membership: BackplaneMembership;

  constructor(backplane: Backplane, settings: TopicSettings) {
    this.#settings = settings;
    this.#membership = backplane.join({
      deliver: (publication) => {
        this.#deliver(publication, {});
      },
    });
  }

  /** Topics that somebody here is subscribed to. */
  get count(): number {
    return this.#subscribers.size;
  }

  /** Subscribers of a topic here. */
  countOf(topic: string): number {
    return this.#subscribers.get(topic)?.size ?? 0;
  }

  /** Topics that a connection is subscribed to. */
  of(receiver: Receiver): string[] {
    return [...(this.#topics.get(receiver) ?? [])];
  }

  /**
   * Subscribes a connection; a second time changes nothing.
   *
   * @throws {LimitError} `TOO_MANY_TOPICS`
   * @throws {TypeError} The topic is no string of 1 to 1024 UTF-16 units.
   */
  subscribe(receiver: Receiver, topic: string): void {
    checkTopic(topic);
    let topics = this.#topics.get(receiver);
    if (topics === undefined) this.#topics.set(receiver, (topics = new Set()));
    if (topics.has(topic)) return;
    if (topics.size >= this.#settings.maxTopics) {
      throw new LimitError("TOO_MANY_TOPICS", this.#settings.maxTopics, topics.size + 1);
    }
    topics.add(topic);
    const subscribers = this.#subscribers.get(topic);
    if (subscribers !== undefined) {
      subscribers.add(receiver);
      return;
    }
    this.#subscribers.set(topic, new Set([receiver]));
    this.#membership.subscribe?.(topic);
  }

  /** Takes a subscription back; where there is none, nothing happens. */
  unsubscribe(receiver: Receiver, topic: string): void {
    const topics = this.#topics.get(receiver);
    if (topics?.delete(topic) !== true) return;
    if (topics.size === 0) this.#topics.delete(receiver);
    this.#remove(receiver, topic);
  }

  /** Takes all subscriptions of a connection back: it is over. */
  leave(receiver: Receiver): void {
    const topics = this.#topics.get(receiver);
    if (topics === undefined) return;
    this.#topics.delete(receiver);
    for (const topic of topics) this.#remove(receiver, topic);
  }

  /**
   * Sends a message to all subscribers of a topic, here and on the other members of the backplane.
   *
   * @returns What became of it here, when the backplane has taken it. Rejects where that fails; a rejection that nobody
   * awaits is not reported as unhandled.
   * @throws {TypeError} As {@link subscribe}.
   */
  publish(
    topic: string,
    message: PreparedMessage,
    options: DeliveryOptions<Receiver>,
  ): Promise<Delivery> {
    checkTopic(topic);
    const publication: Publication = { topic, message };
    const delivery = this.#deliver(publication, options);
    const published = this.#carry(publication, delivery);
    published.catch(() => {});
    return published;
  }

  /** The server is shut down. */
  async close(): Promise<void> {
    await this.#membership.leave();
  }

  async #carry(publication: Publication, delivery: Delivery): Promise<Delivery> {
    await this.#membership.publish(publication);
    return delivery;
  }

  #deliver({ topic, message }: Publication, options: DeliveryOptions<Receiver>): Delivery {
    return deliver(this.#subscribers.get(topic) ?? [], message, this.#settings, options);
  }

  #remove(receiver: Receiver, topic: string): void {
    const subscribers = this.#subscribers.get(topic)!;
    subscribers.delete(receiver);
    if (subscribers.size > 0) return;
    this.#subscribers.delete(topic);
    this.#membership.unsubscribe?.(topic);
  }
}

function checkTopic(topic: string): void {
  if (typeof topic !== "string" || topic.length === 0 || topic.length > longestTopic) {
    throw new TypeError(`A topic is a string of 1 to ${longestTopic} UTF-16 units`);
  }
}
