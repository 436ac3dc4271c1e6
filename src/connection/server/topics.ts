/**
 * Topics: the subscriptions of connections, and publications to this server and others.
 *
 * @module
 */

import type { PreparedMessage } from "../../endpoint/prepared.ts";
import { LimitError } from "../../errors.ts";
import { ReturningMap } from "../../returning-map.ts";
import type { Position, Replayed } from "../backplane/history.ts";
import { Audience, Subscription } from "./audience.ts";
import { deliver, type Delivery, type DeliveryOptions, type Subscriber } from "./delivery.ts";

/** Carries publications to other servers, and their publications to this one. */
export interface TopicCarriage {
  /** Whether messages of a topic come back with their position, and are delivered only then. */
  keeps(topic: string): boolean;
  /** Carries a message. The promise always settles, and its rejection is never unhandled. */
  publish(
    topic: string,
    message: PreparedMessage,
    options: DeliveryOptions<Subscriber>,
  ): Promise<Position | undefined>;
  /** Sends a subscriber the messages that it has missed. @param heard The result of `want`. Never rejects. */
  replay(
    receiver: Subscriber,
    topic: string,
    since: Position | undefined,
    heard: Promise<boolean>,
  ): Promise<Replayed>;
  /** A topic has got its first subscriber on this server. @returns Whether publications of other servers come from now on. */
  want(topic: string): Promise<boolean>;
  /** A topic has lost its last subscriber on this server. */
  release(topic: string): void;
}

/** What happened to a published message. */
export interface Published extends Delivery {
  /**
   * Resolves when the backplane's broker has taken the message, with the message's position if the topic has a history. Resolves
   * at once without a backplane. Rejects with a `BackplaneError` if the message did not reach the broker; the connections of this
   * server have it in any case. Always settles. A rejection that you do not await is not reported as unhandled.
   */
  readonly carried: Promise<Position | undefined>;
}

const heard = /* @__PURE__ */ Promise.resolve(true);
const settled = /* @__PURE__ */ Promise.resolve(undefined);

/** Most UTF-16 units in the name of a topic. */
const longestTopic = 1024;

/**
 * The topics and their subscribers. The cost of publishing grows with the topic's own subscribers, and the cost of `leave` with
 * the connection's own topics. Subscribing and unsubscribing have a constant cost.
 */
export class Topics<Receiver extends Subscriber> {
  readonly #audiences = new ReturningMap<string, Audience<Receiver>>();
  /** The subscriptions of each connection, by topic, from its first subscription until it leaves. */
  readonly #subscriptions = new Map<Receiver, ReturningMap<string, Subscription<Receiver>>>();
  readonly #carriage: TopicCarriage | undefined;

  /** @param carriage Connects this server with others. Default: none. */
  constructor(carriage?: TopicCarriage) {
    this.#carriage = carriage;
  }

  /** Number of topics that have a subscriber on this server. */
  get count(): number {
    return this.#audiences.size;
  }

  /** Number of a topic's subscribers on this server. */
  countOf(topic: string): number {
    return this.#audiences.get(topic)?.size ?? 0;
  }

  /** The topics of a connection. */
  of(receiver: Receiver): string[] {
    return this.#subscriptions.get(receiver)?.keys() ?? [];
  }

  /** Tells whether a connection is subscribed to a topic. */
  has(receiver: Subscriber, topic: string): boolean {
    return this.#subscriptions.get(receiver as Receiver)?.get(topic) !== undefined;
  }

  /**
   * Subscribes a connection. A second call has no effect. The connection gets what is published on this server from now on.
   *
   * @returns Whether publications of other servers come, too: see `Connection.subscribe`. Never rejects.
   * @throws {LimitError} `TOO_MANY_TOPICS`
   * @throws {TypeError} The topic is not a string of 1 to 1024 UTF-16 units.
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
   * Subscribes a connection, and sends it what was published after a position.
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

  /** Ends a subscription, if there is one. */
  unsubscribe(receiver: Receiver, topic: string): void {
    const own = this.#subscriptions.get(receiver);
    const subscription = own?.get(topic);
    if (subscription === undefined) return;
    own!.delete(topic);
    this.#remove(subscription, topic);
  }

  /** Ends all subscriptions of a connection that is over. */
  leave(receiver: Receiver): void {
    const own = this.#subscriptions.get(receiver);
    if (own === undefined) return;
    this.#subscriptions.delete(receiver);
    for (const topic of own.keys()) this.#remove(own.get(topic)!, topic);
  }

  /**
   * Sends a message to all subscribers of a topic, on this server and on others. Subscribers of this server have got it when the
   * call returns. If the topic has a history, they get it later, in the order of the history.
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

  /** Sends a message to the subscribers of this server. */
  deliver(topic: string, message: PreparedMessage, options: DeliveryOptions<Receiver>): Delivery {
    return deliver(this.receivers(topic), message, options);
  }

  /** Gives a topic's subscribers on this server, in a new array. */
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
