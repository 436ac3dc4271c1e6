/**
 * One topic with a history: its subscribers get each message once, in the order of the history, even if they subscribe late.
 *
 * Theory of operation. A feed that is "live" delivers the messages that the broker sends. When it starts, after an outage, and
 * when messages may be missing, it reads the history first, and keeps messages that come meanwhile in a tail. A subscriber that
 * gives its last position has a separate replay: it reads the history from there, with another tail, and then gets what the
 * others get.
 *
 * @module
 */

import { type Deferred, newDeferred } from "../../deferred.ts";
import type { PreparedMessage } from "../../endpoint/prepared.ts";
import { BackplaneError } from "../../errors.ts";
import { deliver, type DeliveryOptions, type Subscriber } from "../server/delivery.ts";
import { directionOf, type HistoryPage, type Position, type Replayed } from "./history.ts";
import { IncomingSequences } from "./sequences.ts";
import { Tail } from "./tail.ts";

/** A decoded message of the topic. */
export interface FeedItem {
  readonly position: Position;
  /** The offset of the message before it; undefined if the driver has not told it. */
  readonly previous: string | undefined;
  readonly node: string;
  readonly series: number;
  readonly sequence: number;
  /** The message as subscribers get it. */
  readonly message: PreparedMessage;
  /** The delivery options of its publisher, if this server published it. */
  readonly options: DeliveryOptions<Subscriber>;
}

/** What a feed asks of its owner, and tells it. */
export interface FeedOwner {
  /** Gives the subscribers on this server, in a new array. */
  receivers(topic: string): Subscriber[];
  /** Tells whether a connection is subscribed. */
  isSubscribed(receiver: Subscriber, topic: string): boolean;
  /** Waits until the broker knows of the topic. @returns False if the broker is away, or does not answer in time. */
  held(topic: string): Promise<boolean>;
  /** Reads from the broker. Rejects if the broker fails, or does not answer in time. */
  read(topic: string, since: Position | undefined): Promise<HistoryPage>;
  /** Waits for a promise as long as the broker may take to answer. @returns False if the promise took longer. */
  within(promise: Promise<unknown>): Promise<boolean>;
  /** Decodes a message. @returns Undefined if the message cannot be read; the owner counts that. */
  open(topic: string, envelope: Uint8Array, position: Position): FeedItem | undefined;
  /** Tells that messages are missing. */
  gap(topic: string): void;
  /** Tells that a message goes to the subscribers. */
  delivered(item: FeedItem): void;
  /** Tells that a message had come before. */
  duplicate(): void;
}

/** A subscriber that gets the messages that it has missed. */
interface Replay {
  /**
   * "reading": it gets messages from the history. "joining": it gets what all get, from the first message after `cursor` on.
   * "failed": the history cannot be read, and it gets at once what all get.
   */
  state: "reading" | "joining" | "failed";
  /** The position up to which it has got all kept messages. */
  cursor: Position;
  /** Number of messages that were sent to it. */
  replayed: number;
  /** Whether no message is missing among those. */
  isComplete: boolean;
  readonly tail: Tail<FeedItem>;
  readonly incoming: IncomingSequences;
}

/** One topic. */
export class Feed {
  readonly #topic: string;
  readonly #owner: FeedOwner;
  /** The position of the last message that the subscribers got; undefined until the broker has told a position. */
  #last: Position | undefined;
  /**
   * "away": drops new messages, since it reads the history when the broker is back. "reading": reads the history. "live":
   * delivers new messages. "closed": the end.
   */
  #state: "away" | "reading" | "live" | "closed" = "away";
  /** Number of the current reading. Results of older readings are dropped. */
  #reading = 0;
  #whenLive: Deferred<boolean> = newDeferred<boolean>();
  readonly #tail = new Tail<FeedItem>();
  readonly #replays = new Map<Subscriber, Replay>();
  readonly #incoming = new IncomingSequences();

  constructor(topic: string, owner: FeedOwner) {
    this.#topic = topic;
    this.#owner = owner;
  }

  /** The topic is wanted, or the broker is back: if the feed was "away", it reads what was missed. */
  start(): void {
    if (this.#state === "away") void this.#catchUp();
  }

  /** The broker is away. */
  stop(): void {
    if (this.#state === "live") this.#whenLive = newDeferred<boolean>();
    this.#state = "away";
    this.#reading++;
  }

  /** Messages may be missing: reads the history. */
  restart(): void {
    this.stop();
    this.start();
  }

  /** The topic is not wanted any more. */
  close(): void {
    this.#state = "closed";
    this.#reading++;
    this.#whenLive.resolve(false);
    this.#replays.clear();
  }

  /** Waits until the feed is "live". @returns False if the broker does not answer in time, or the topic is closed. */
  async live(): Promise<boolean> {
    const { promise } = this.#whenLive;
    return (await this.#owner.within(promise)) && promise;
  }

  /** A message has come from the broker. */
  arrive(item: FeedItem): void {
    if (this.#state === "reading") this.#tail.add(item);
    else if (this.#state === "live") this.#follow(item);
  }

  /**
   * Gives a subscriber the messages after a position, and then what all get.
   *
   * @param since The position. Undefined: the subscriber gets only new messages.
   */
  async replay(receiver: Subscriber, since: Position | undefined): Promise<Replayed> {
    if (since === undefined) {
      const isLive = await this.live();
      return { complete: isLive, replayed: 0, position: isLive ? this.#last : undefined };
    }
    const replay: Replay = {
      state: "reading",
      cursor: since,
      replayed: 0,
      isComplete: true,
      tail: new Tail(),
      incoming: new IncomingSequences(),
    };
    this.#replays.set(receiver, replay);
    try {
      if (await this.live()) await this.#readFor(receiver, replay);
    } catch {
      // The result tells it.
    }
    const { state, cursor, replayed, isComplete } = replay;
    if (state === "joining") return { complete: isComplete, replayed, position: cursor };
    replay.state = "failed";
    if (this.#replays.get(receiver) === replay) this.#replays.delete(receiver);
    return { complete: false, replayed, position: undefined };
  }

  /** Reads the history for one subscriber until it has what all have. Rejects if the broker fails, or the connection ends. */
  async #readFor(receiver: Subscriber, replay: Replay): Promise<void> {
    const { tail } = replay;
    for (;;) {
      tail.take();
      const page = await this.#owner.read(this.#topic, replay.cursor);
      if (!this.#isCurrent(receiver, replay)) return;
      if (!page.complete) replay.isComplete = false;
      let sent: Promise<void> | undefined;
      for (const { envelope, position } of page.entries) {
        const item = this.#owner.open(this.#topic, envelope, position);
        if (item !== undefined) sent = this.#sendTo(receiver, replay, item) ?? sent;
      }
      replay.cursor = page.position;
      if (!hasMore(page) && !tail.isCut) break;
      // Waits for a slow peer, so that its unsent bytes stay few.
      await sent;
    }
    for (const item of tail.take()) {
      if (directionOf(item.position, replay.cursor) === "same or earlier") continue;
      void this.#sendTo(receiver, replay, item);
      replay.cursor = item.position;
    }
    replay.state = "joining";
  }

  #sendTo(receiver: Subscriber, replay: Replay, item: FeedItem): Promise<void> | undefined {
    const { node, series, sequence, message, options } = item;
    if (replay.incoming.take(this.#topic, node, series, sequence) < 0) return undefined;
    if (options.except === receiver) return undefined;
    replay.replayed++;
    return receiver.outbox.send(message, message.compress);
  }

  /** Whether a subscriber still wants this replay: it may have left, or have asked for another replay. */
  #isCurrent(receiver: Subscriber, replay: Replay): boolean {
    return (
      this.#replays.get(receiver) === replay &&
      receiver.state === "open" &&
      this.#owner.isSubscribed(receiver, this.#topic)
    );
  }

  /** Reads the missed messages for all subscribers. */
  async #catchUp(): Promise<void> {
    const reading = ++this.#reading;
    this.#state = "reading";
    try {
      // Messages from before this are in the history; later ones come from the broker.
      const isHeld = await this.#owner.held(this.#topic);
      if (reading !== this.#reading) return;
      if (!isHeld) {
        this.#state = "away";
        return;
      }
      for (let isDone = false; !isDone;) {
        this.#tail.take();
        const page = await this.#owner.read(this.#topic, this.#last);
        if (reading !== this.#reading) return;
        isDone = this.#takePage(page);
      }
    } catch (error) {
      if (reading !== this.#reading) return;
      if (error instanceof BackplaneError && error.code === "DOWN") {
        this.#state = "away";
        return;
      }
      this.#owner.gap(this.#topic);
      this.#last = undefined;
    }
    this.#state = "live";
    this.#whenLive.resolve(true);
    for (const item of this.#tail.take()) this.arrive(item);
  }

  /** Delivers the messages of a page. @returns Whether this was the last page to read. */
  #takePage(page: HistoryPage): boolean {
    if (!page.complete) this.#owner.gap(this.#topic);
    for (const { envelope, position } of page.entries) {
      const item = this.#owner.open(this.#topic, envelope, position);
      if (item !== undefined) this.#take(item);
    }
    this.#last = page.position;
    return !hasMore(page) && !this.#tail.isCut;
  }

  /** Takes the next message, unless it has come before, or a message before it is missing. */
  #follow(item: FeedItem): void {
    const last = this.#last;
    if (last !== undefined) {
      const direction = directionOf(item.position, last);
      if (direction === "same or earlier") return;
      const { previous } = item;
      if (direction === "elsewhere" || (previous !== undefined && previous !== last.offset)) {
        // The history holds this message, too.
        this.restart();
        return;
      }
    }
    this.#take(item);
  }

  #take(item: FeedItem): void {
    const { position, node, series, sequence, message, options } = item;
    this.#last = position;
    if (this.#incoming.take(this.#topic, node, series, sequence) < 0) {
      this.#owner.duplicate();
      return;
    }
    this.#owner.delivered(item);
    const all = this.#owner.receivers(this.#topic);
    const receivers =
      this.#replays.size === 0 ? all : all.filter((receiver) => this.#gets(receiver, item));
    deliver(receivers, message, options);
  }

  /** Whether a subscriber gets a message at the same time as the others. */
  #gets(receiver: Subscriber, item: FeedItem): boolean {
    const replay = this.#replays.get(receiver);
    if (replay?.state === "reading") {
      replay.tail.add(item);
      return false;
    }
    if (replay === undefined) return true;
    if (directionOf(item.position, replay.cursor) === "same or earlier") return false;
    this.#replays.delete(receiver);
    return true;
  }
}

/** Whether there is another page. Not after an empty page, so that a wrong driver causes no endless loop. */
function hasMore({ more, entries }: HistoryPage): boolean {
  return more && entries.length > 0;
}
