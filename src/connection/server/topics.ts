/**
 * Topics that connections subscribe to, and what is published to them, here and on other servers.
 *
 * @module
 */

import type { PreparedMessage } from "../../endpoint/prepared.ts";
import { LimitError } from "../../errors.ts";
import { ReturningMap } from "../../returning-map.ts";
import type { Position, Replayed } from "../backplane/history.ts";
import { Audience, Subscription } from "./audience.ts";
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

/** UTF-16 units that the name of a topic may have. */
const longestTopic = 1024;

/**
 * Who is subscribed to what. Publishing costs what the topic's own subscribers cost, leaving what the leaver's own topics cost, and to
 * subscribe and unsubscribe always the same, whatever else there is.
 */
export class Topics<Receiver extends Subscriber> {
  readonly #audiences = new ReturningMap<string, Audience<Receiver>>();
  /** What each is subscribed to, by topic; from its first subscription until it leaves. */
  readonly #subscriptions = new Map<Receiver, ReturningMap<string, Subscription<Receiver>>>();
  readonly #carriage: TopicCarriage | undefined;

  /** @param carriage What joins this server with others. Default: it is alone. */
  constructor(carriage?: TopicCarriage) {
    this.#carriage = carriage;
  }

  /** Topics that somebody here is subscribed to. */
  get count(): number {
    return this.#audiences.size;
  }

  /** Subscribers of a topic here. */
  countOf(topic: string): number {
    return this.#audiences.get(topic)?.size ?? 0;
  }

  /** Topics that a connection is subscribed to. */
  of(receiver: Receiver): string[] {
    return this.#subscriptions.get(receiver)?.keys() ?? [];
  }

  /** Tells whether a connection is subscribed to a topic. */
  has(receiver: Subscriber, topic: string): boolean {
    return this.#subscriptions.get(receiver as Receiver)?.get(topic) !== undefined;
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
    let own = this.#subscriptions.get(receiver);
    if (own === undefined) this.#subscriptions.set(receiver, (own = new ReturningMap()));
    if (own.get(topic) === undefined) {
      const { maxTopics } = receiver.delivery;
      if (own.size >= maxTopics) throw new LimitError("TOO_MANY_TOPICS", maxTopics, own.size + 1);
      let audience = this.#audiences.get(topic);
      if (audience === undefined) this.#audiences.set(topic, (audience = new Audience()));
      const subscription = new Subscription(receiver);
      own.set(topic, subscription);
      audience.add(subscription);
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
    const own = this.#subscriptions.get(receiver);
    const subscription = own?.get(topic);
    if (subscription === undefined) return;
    own!.delete(topic);
    this.#remove(subscription, topic);
  }

  /** Takes all subscriptions of a connection back: it is over. */
  leave(receiver: Receiver): void {
    const own = this.#subscriptions.get(receiver);
    if (own === undefined) return;
    this.#subscriptions.delete(receiver);
    for (const topic of own.keys()) this.#remove(own.get(topic)!, topic);
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

  /** Those here who have subscribed to a topic, in an array of the caller's own. */
  receivers(topic: string): Receiver[] {
    return this.#audiences.get(topic)?.receivers() ?? [];
  }

  #remove(subscription: Subscription<Receiver>, topic: string): void {
    const audience = this.#audiences.get(topic)!;
    audience.remove(subscription);
    if (audience.size > 0) return;
    this.#audiences.delete(topic);
    this.#carriage?.release(topic);
  }
}

function checkTopic(topic: string): void {
  if (typeof topic !== "string" || topic.length === 0 || topic.length > longestTopic) {
    throw new TypeError(`A topic is a string of 1 to ${longestTopic} UTF-16 units`);
  }
}
