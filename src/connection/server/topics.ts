/**
 * Topics that connections subscribe to, and what is published to them, here and on other servers.
 *
 * @module
 */

import type { PreparedMessage } from "../../endpoint/prepared.ts";
import { LimitError } from "../../errors.ts";
import type { Position, Replayed } from "../backplane/history.ts";
import { deliver, type Delivery, type DeliveryOptions, type Subscriber } from "./delivery.ts";

/** What carries publications to other servers, and theirs to this one. */
export interface TopicCarriage {
  /** Whether messages of a topic come back with their position, and are delivered then. */
  keeps(topic: string): boolean;
  /** Carries a message. Settles with what became of it, and is never unhandled. */
  publish(
    topic: string,
    message: PreparedMessage,
    options: DeliveryOptions<Subscriber>,
  ): Promise<Position | undefined>;
  /** Gives a subscriber what it has missed. @param heard What `want` has given. Never rejects. */
  replay(
    receiver: Subscriber,
    topic: string,
    since: Position | undefined,
    heard: Promise<boolean>,
  ): Promise<Replayed>;
  /** A topic has got its first subscriber here. @returns Whether the other servers' publications come from now on. */
  want(topic: string): Promise<boolean>;
  /** A topic has lost its last one. */
  release(topic: string): void;
}

/** What became of a message that was published. */
export interface Published extends Delivery {
  /**
   * Resolves when the backplane's broker has taken the message, with its position where the topic has a history; at once without a
   * backplane. Rejects with a `BackplaneError` where
   * it was given up, which says nothing of the connections here: they have it. It always settles, and a rejection that nobody awaits
   * is not reported as unhandled.
   */
  readonly carried: Promise<Position | undefined>;
}

const heard = /* @__PURE__ */ Promise.resolve(true);
const settled = /* @__PURE__ */ Promise.resolve(undefined);

const nobody: ReadonlySet<never> = /* @__PURE__ */ new Set<never>();

/** UTF-16 units that the name of a topic may have. */
const longestTopic = 1024;

/**
 * Who is subscribed to what. Publishing costs what the topic's own subscribers cost, and leaving what the leaver's own
 * topics cost, whatever else there is.
 */
export class Topics<Receiver extends Subscriber> {
  readonly #subscribers = new Map<string, Set<Receiver>>();
  readonly #topics = new Map<Receiver, Set<string>>();
  readonly #carriage: TopicCarriage | undefined;

  /** @param carriage What joins this server with others. Default: it is alone. */
  constructor(carriage?: TopicCarriage) {
    this.#carriage = carriage;
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
   * Subscribes a connection; a second time changes nothing. What is published here comes from now on.
   *
   * @returns Whether what is published on other servers comes, too: see `Connection.subscribe`. Never rejects.
   * @throws {LimitError} `TOO_MANY_TOPICS`
   * @throws {TypeError} The topic is no string of 1 to 1024 UTF-16 units.
   */
  subscribe(receiver: Receiver, topic: string): Promise<boolean> {
    checkTopic(topic);
    let topics = this.#topics.get(receiver);
    if (topics === undefined) this.#topics.set(receiver, (topics = new Set()));
    if (!topics.has(topic)) {
      const { maxTopics } = receiver.delivery;
      if (topics.size >= maxTopics) {
        throw new LimitError("TOO_MANY_TOPICS", maxTopics, topics.size + 1);
      }
      topics.add(topic);
      const subscribers = this.#subscribers.get(topic);
      if (subscribers === undefined) this.#subscribers.set(topic, new Set([receiver]));
      else subscribers.add(receiver);
    }
    return this.#carriage?.want(topic) ?? heard;
  }

  /**
   * Subscribes a connection, and gives it what was published behind a position.
   *
   * @throws As {@link subscribe}.
   */
  async replay(receiver: Receiver, topic: string, since: Position | undefined): Promise<Replayed> {
    const heard = this.subscribe(receiver, topic);
    return (
      this.#carriage?.replay(receiver, topic, since, heard) ?? {
        complete: since === undefined,
        replayed: 0,
        position: undefined,
      }
    );
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
   * Sends a message to all subscribers of a topic, here and on other servers. Those here have it when this returns, unless the topic has
   * a history: then they get it in the order of that.
   *
   * @throws {TypeError} As {@link subscribe}.
   */
  publish(topic: string, message: PreparedMessage, options: DeliveryOptions<Receiver>): Published {
    checkTopic(topic);
    const isKept = this.#carriage?.keeps(topic) === true;
    const receivers = isKept ? [] : this.receivers(topic);
    const { sent, dropped, closed } = deliver(receivers, message, options);
    const carried = this.#carriage?.publish(topic, message, options) ?? settled;
    return { sent, dropped, closed, carried };
  }

  /** Sends a message to the subscribers here. */
  deliver(topic: string, message: PreparedMessage, options: DeliveryOptions<Receiver>): Delivery {
    return deliver(this.receivers(topic), message, options);
  }

  /** Those here who have subscribed to a topic. */
  receivers(topic: string): ReadonlySet<Receiver> {
    return this.#subscribers.get(topic) ?? nobody;
  }

  #remove(receiver: Receiver, topic: string): void {
    const subscribers = this.#subscribers.get(topic)!;
    subscribers.delete(receiver);
    if (subscribers.size > 0) return;
    this.#subscribers.delete(topic);
    this.#carriage?.release(topic);
  }
}

function checkTopic(topic: string): void {
  if (typeof topic !== "string" || topic.length === 0 || topic.length > longestTopic) {
    throw new TypeError(`A topic is a string of 1 to ${longestTopic} UTF-16 units`);
  }
}
