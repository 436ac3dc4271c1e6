/**
 * The topics with a history of one server. A driver whose broker has a history imports this file, so that other servers do not
 * load it.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../../clock.ts";
import { newDeferred } from "../../deferred.ts";
import { PreparedMessage } from "../../endpoint/prepared.ts";
import { BackplaneError } from "../../errors.ts";
import type { Awaitable } from "../../io/byte-stream.ts";
import type { Binary, Data } from "../data.ts";
import { prepareMessage } from "../send/prepare.ts";
import type { DeliveryOptions, Subscriber } from "../server/delivery.ts";
import { dataOf, decodeEnvelope, type EnvelopeFault } from "./envelope.ts";
import { Feed, type FeedItem, type FeedOwner } from "./feed.ts";
import type { HistoryPage, Position, Replayed } from "./history.ts";

/**
 * Makes what subscribers get in the place of a message of a topic with a history; it can add the message's position. Called once
 * for each message on each server, and once for each connection that the message is replayed to.
 */
export type Stamp = (data: Data, position: Position, topic: string) => string | Binary;

/** What histories ask of their server, and tell it. */
export interface HistoriesOwner {
  readonly deadlines: Deadlines;
  /** Milliseconds that the broker has to answer. */
  readonly timeout: number;
  /** The server's own id, as in envelopes: 16 characters of Latin-1. */
  readonly node: string;
  readonly stamp: Stamp | undefined;
  receivers(topic: string): Subscriber[];
  isSubscribed(receiver: Subscriber, topic: string): boolean;
  /** Waits until the broker knows of a topic. @returns False if the broker is away, or does not answer. */
  held(topic: string): Promise<boolean>;
  /** Reads a page from the driver. May throw. */
  history(topic: string, since: Position | undefined): Awaitable<HistoryPage>;
  gap(topic: string): void;
  /** Tells that a message of another server goes to the subscribers. */
  delivered(): void;
  duplicate(): void;
  /**
   * Tells that a message cannot be read.
   *
   * @param fault What is wrong with the envelope; undefined if only its payload is not valid.
   */
  dropped(fault: EnvelopeFault | undefined, envelope: Uint8Array): void;
  stampFailed(error: unknown): void;
}

/** The interface between a server and its topics with a history. */
export interface Histories {
  /**
   * A topic has a subscriber.
   *
   * @param heard Whether the broker knows of the topic.
   * @returns Whether publications come from now on.
   */
  want(topic: string, heard: Promise<boolean>): Promise<boolean>;
  /** A topic is not wanted any more. */
  forget(topic: string): void;
  /** The broker can be reached. */
  start(): void;
  /** The broker is away. */
  stop(): void;
  /** Messages of a topic may have been lost: reads the history. */
  restart(topic: string): void;
  close(): void;
  /** Takes a message from the broker. */
  deliver(
    topic: string,
    envelope: Uint8Array,
    position: Position | undefined,
    previous: string | undefined,
  ): void;
  /** This server publishes a message, and will deliver it to its own subscribers when the broker gives it back. */
  publish(series: number, sequence: number, options: DeliveryOptions<Subscriber>): void;
  /** See `Feed.replay`. @param heard Whether the broker knows of the topic. */
  replay(
    receiver: Subscriber,
    topic: string,
    since: Position | undefined,
    heard: Promise<boolean>,
  ): Promise<Replayed>;
}

/** Makes the histories of one server. */
export type NewHistories = (owner: HistoriesOwner) => Histories;

/** The largest number of this server's publications whose options are remembered until they come back. */
const mostPublished = 4096;

const asAll: DeliveryOptions<Subscriber> = {};

class TopicHistories implements Histories, FeedOwner {
  readonly #owner: HistoriesOwner;
  readonly #feeds = new Map<string, Feed>();
  /** Options of publications that are not for all subscribers, by series and sequence number. */
  readonly #published = new Map<string, DeliveryOptions<Subscriber>>();

  constructor(owner: HistoriesOwner) {
    this.#owner = owner;
  }

  async want(topic: string, heard: Promise<boolean>): Promise<boolean> {
    const feed = this.#feedOf(topic);
    feed.start();
    return (await heard) && feed.live();
  }

  forget(topic: string): void {
    this.#feeds.get(topic)?.close();
    this.#feeds.delete(topic);
  }

  start(): void {
    for (const feed of this.#feeds.values()) feed.start();
  }

  stop(): void {
    for (const feed of this.#feeds.values()) feed.stop();
  }

  restart(topic: string): void {
    this.#feeds.get(topic)?.restart();
  }

  close(): void {
    for (const topic of this.#feeds.keys()) this.forget(topic);
  }

  deliver(
    topic: string,
    envelope: Uint8Array,
    position: Position | undefined,
    previous: string | undefined,
  ): void {
    const feed = this.#feeds.get(topic);
    if (feed === undefined) return;
    if (position === undefined) {
      this.#owner.dropped("foreign", envelope);
      return;
    }
    const item = this.open(topic, envelope, position, previous);
    if (item !== undefined) feed.arrive(item);
  }

  publish(series: number, sequence: number, options: DeliveryOptions<Subscriber>): void {
    if (options.except === undefined && options.slow === undefined) return;
    if (this.#published.size >= mostPublished) {
      const [oldest] = this.#published.keys();
      this.#published.delete(oldest!);
    }
    this.#published.set(`${series} ${sequence}`, options);
  }

  async replay(
    receiver: Subscriber,
    topic: string,
    since: Position | undefined,
    heard: Promise<boolean>,
  ): Promise<Replayed> {
    const replaying = this.#feedOf(topic).replay(receiver, since);
    const isHeard = await heard;
    const { complete, replayed, position } = await replaying;
    return { complete: complete && isHeard, replayed, position };
  }

  // The methods of `FeedOwner`.

  receivers(topic: string): Subscriber[] {
    return this.#owner.receivers(topic);
  }

  isSubscribed(receiver: Subscriber, topic: string): boolean {
    return this.#owner.isSubscribed(receiver, topic);
  }

  held(topic: string): Promise<boolean> {
    return this.#owner.held(topic);
  }

  async read(topic: string, since: Position | undefined): Promise<HistoryPage> {
    const page = (async () => this.#owner.history(topic, since))();
    page.catch(() => {});
    if (await this.within(page)) return page;
    throw new BackplaneError("TIMEOUT");
  }

  async within(promise: Promise<unknown>): Promise<boolean> {
    const late = newDeferred<boolean>();
    const deadline: Deadline = this.#owner.deadlines.after(this.#owner.timeout, () => {
      late.resolve(false);
    });
    try {
      return await Promise.race([promise.then(yes), late.promise]);
    } finally {
      deadline.cancel();
    }
  }

  open(
    topic: string,
    bytes: Uint8Array,
    position: Position,
    previous?: string,
  ): FeedItem | undefined {
    const envelope = decodeEnvelope(bytes);
    if (typeof envelope === "string") {
      this.#owner.dropped(envelope, bytes);
      return undefined;
    }
    const { node, series, sequence, compress } = envelope;
    const data = dataOf(envelope);
    if (data === undefined) {
      this.#owner.dropped(undefined, bytes);
      return undefined;
    }
    const { stamp } = this.#owner;
    let message: PreparedMessage;
    try {
      message =
        stamp === undefined
          ? new PreparedMessage(data, compress)
          : prepareMessage(stamp(data, position, topic), { compress });
    } catch (error) {
      this.#owner.stampFailed(error);
      return undefined;
    }
    const key = `${series} ${sequence}`;
    const options = (node === this.#owner.node && this.#published.get(key)) || asAll;
    return { position, previous, node, series, sequence, message, options };
  }

  gap(topic: string): void {
    this.#owner.gap(topic);
  }

  delivered({ node, series, sequence }: FeedItem): void {
    if (node === this.#owner.node) this.#published.delete(`${series} ${sequence}`);
    else this.#owner.delivered();
  }

  duplicate(): void {
    this.#owner.duplicate();
  }

  #feedOf(topic: string): Feed {
    let feed = this.#feeds.get(topic);
    if (feed === undefined) this.#feeds.set(topic, (feed = new Feed(topic, this)));
    return feed;
  }
}

/** Brings subscribers up to date from the history of their topics. For drivers, see `Backplane.histories`. */
export function histories(owner: HistoriesOwner): Histories {
  return new TopicHistories(owner);
}

function yes(): boolean {
  return true;
}
