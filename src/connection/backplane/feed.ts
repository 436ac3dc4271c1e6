/**
 * One topic with a history: its subscribers get each message once and in the order of the history, those that come late included.
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

/** A message of the topic, opened. */
export interface FeedItem {
  readonly position: Position;
  /** The offset of the message in front of it, where the driver has told. */
  readonly previous: string | undefined;
  readonly node: string;
  readonly series: number;
  readonly sequence: number;
  /** What subscribers get. */
  readonly message: PreparedMessage;
  /** How its publisher wants it delivered, where that is this server. */
  readonly options: DeliveryOptions<Subscriber>;
}

/** What a feed asks for and tells. */
export interface FeedOwner {
  /** Those here who have subscribed, in an array of the caller's own. */
  receivers(topic: string): Subscriber[];
  /** Tells whether one is subscribed. */
  isSubscribed(receiver: Subscriber, topic: string): boolean;
  /** Waits until the broker knows of the topic. @returns False where it is away, or does not answer in time. */
  held(topic: string): Promise<boolean>;
  /** Reads from the broker. Rejects where it does not answer in time, or fails. */
  read(topic: string, since: Position | undefined): Promise<HistoryPage>;
  /** Waits for a promise, as long as the broker may take to answer. @returns False: that was too long. */
  within(promise: Promise<unknown>): Promise<boolean>;
  /** Opens what was read. @returns Undefined where it cannot be read, which is counted. */
  open(topic: string, envelope: Uint8Array, position: Position): FeedItem | undefined;
  /** Something is missing. */
  gap(topic: string): void;
  /** A message goes to the subscribers. */
  delivered(item: FeedItem): void;
  /** One has come before. */
  duplicate(): void;
}

/** A subscriber that is given what it has missed. */
interface Replay {
  /**
   * "reading" the history; then "joining": from the first message on that comes behind `cursor`, it gets what all get. "failed": it
   * gets that at once.
   */
  state: "reading" | "joining" | "failed";
  /** Up to where it has got all that is kept. */
  cursor: Position;
  /** Messages that it was sent. */
  replayed: number;
  /** Whether nothing is missing in them. */
  isComplete: boolean;
  readonly tail: Tail<FeedItem>;
  readonly incoming: IncomingSequences;
}

/** One topic. */
export class Feed {
  readonly #topic: string;
  readonly #owner: FeedOwner;
  /** Up to where its subscribers are; undefined until the broker has told where the topic is. */
  #last: Position | undefined;
  /**
   * "away": what comes is left to the history, which is read when the broker is there. "reading" it; "live": what comes is delivered.
   * "closed" at the end.
   */
  #state: "away" | "reading" | "live" | "closed" = "away";
  /** Which reading it is: what an older one reads counts for nothing. */
  #reading = 0;
  #whenLive: Deferred<boolean> = newDeferred<boolean>();
  readonly #tail = new Tail<FeedItem>();
  readonly #replays = new Map<Subscriber, Replay>();
  readonly #incoming = new IncomingSequences();

  constructor(topic: string, owner: FeedOwner) {
    this.#topic = topic;
    this.#owner = owner;
  }

  /** The topic is wanted, or the broker is there again: where it has been away, what was missed is read. */
  start(): void {
    if (this.#state === "away") void this.#catchUp();
  }

  /** The broker is away. */
  stop(): void {
    if (this.#state === "live") this.#whenLive = newDeferred<boolean>();
    this.#state = "away";
    this.#reading++;
  }

  /** Something may be missing: it is looked for in the history. */
  restart(): void {
    this.stop();
    this.start();
  }

  /** It is wanted no more. */
  close(): void {
    this.#state = "closed";
    this.#reading++;
    this.#whenLive.resolve(false);
    this.#replays.clear();
  }

  /** Waits until what is published comes. @returns False where the broker does not answer in time. */
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
   * Gives a subscriber what was published behind a position, and then what all get.
   *
   * @param since Undefined: it has none, and gets what is published from now on.
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
      // Told by what it returns.
    }
    const { state, cursor, replayed, isComplete } = replay;
    if (state === "joining") return { complete: isComplete, replayed, position: cursor };
    replay.state = "failed";
    if (this.#replays.get(receiver) === replay) this.#replays.delete(receiver);
    return { complete: false, replayed, position: undefined };
  }

  /** Reads for one subscriber until it has what all have. Rejects where the broker fails, or the connection ends. */
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
      // A peer that reads slowly is read for slowly.
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

  /** Whether a subscriber still wants it: it may have left, or have asked for another one. */
  #isCurrent(receiver: Subscriber, replay: Replay): boolean {
    return (
      this.#replays.get(receiver) === replay &&
      receiver.state === "open" &&
      this.#owner.isSubscribed(receiver, this.#topic)
    );
  }

  /** Reads what was missed, for all. */
  async #catchUp(): Promise<void> {
    const reading = ++this.#reading;
    this.#state = "reading";
    try {
      // What is published behind this comes; what was published before is in the history.
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

  /** @returns Whether nothing else has to be read. */
  #takePage(page: HistoryPage): boolean {
    if (!page.complete) this.#owner.gap(this.#topic);
    for (const { envelope, position } of page.entries) {
      const item = this.#owner.open(this.#topic, envelope, position);
      if (item !== undefined) this.#take(item);
    }
    this.#last = page.position;
    return !hasMore(page) && !this.#tail.isCut;
  }

  /** Takes the next message, unless it has come, or something is missing in front of it. */
  #follow(item: FeedItem): void {
    const last = this.#last;
    if (last !== undefined) {
      const direction = directionOf(item.position, last);
      if (direction === "same or earlier") return;
      const { previous } = item;
      if (direction === "elsewhere" || (previous !== undefined && previous !== last.offset)) {
        // The history has it, too.
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

  /** Whether a subscriber gets a message as all do. */
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

/** A driver that has more, and gives nothing of it, is asked no more. */
function hasMore({ more, entries }: HistoryPage): boolean {
  return more && entries.length > 0;
}
