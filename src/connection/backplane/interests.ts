/**
 * The topics that a server wants of its broker, and whether the broker knows of each.
 *
 * Theory of operation. Each topic has one state, see `Interest.state`. When the broker comes back, the server subscribes again to
 * all topics that the driver has not renewed itself. A topic that loses its last subscriber stays for the time `linger`, since a
 * subscriber often comes back.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../../clock.ts";
import { type Deferred, newDeferred, whenSettled } from "../../deferred.ts";
import type { Awaitable } from "../../io/byte-stream.ts";

/** The times of subscriptions. */
export interface InterestSettings {
  /** Milliseconds that the subscription to a topic outlives its last subscriber. */
  readonly linger: number;
  /** Milliseconds that the broker has to confirm a subscription. */
  readonly timeout: number;
}

/** What interests ask of their owner, and tell it. The first two methods may throw. */
export interface InterestOwner {
  subscribe(topic: string): Awaitable<void>;
  unsubscribe(topic: string): Awaitable<void>;
  /** The broker has answered. */
  answered(): void;
  /** The broker has not answered in time. */
  overdue(): void;
  /** The broker has refused a subscription. */
  failed(topic: string, error: unknown): void;
  /** A topic is not wanted any more. */
  forgotten(topic: string): void;
}

/**
 * The largest number of lingering topics, so that a peer that subscribes to many topics, one after another, does not fill the
 * memory.
 */
const mostLingering = 4096;

const yes = /* @__PURE__ */ Promise.resolve(true);
const no = /* @__PURE__ */ Promise.resolve(false);

/** One topic. */
interface Interest {
  readonly topic: string;
  /**
   * "absent": the broker does not know of the topic. "asked": the subscription is under way. "renewed": the driver itself
   * subscribes again, before it says that the broker is back. "held": the broker knows of the topic.
   */
  state: "absent" | "asked" | "renewed" | "held";
  /** Number of the last call of `subscribe`. Answers to older calls do not count. */
  call: number;
  /** Resolves with whether the broker knows of the topic. A new one for each "asked". */
  answer: Deferred<boolean> | undefined;
  /** The deadline for the broker's answer. */
  patience: Deadline | undefined;
  /** The deadline at which a topic without subscribers is dropped. */
  lingering: Deadline | undefined;
}

/** Keeps the subscriptions at the broker in step with the server's own subscribers. */
export class Interests {
  readonly #settings: InterestSettings;
  readonly #deadlines: Deadlines;
  readonly #owner: InterestOwner;
  readonly #interests = new Map<string, Interest>();
  #lingering = 0;
  #calls = 0;
  #isOpen = false;

  constructor(settings: InterestSettings, deadlines: Deadlines, owner: InterestOwner) {
    this.#settings = settings;
    this.#deadlines = deadlines;
    this.#owner = owner;
  }

  /** Tells whether a topic is wanted. */
  has(topic: string): boolean {
    return this.#interests.has(topic);
  }

  /**
   * A topic has a subscriber.
   *
   * @returns True as soon as the broker knows of the topic. False at once if the broker is away; false later if it refuses, or
   * does not answer in time. Never rejects.
   */
  want(topic: string): Promise<boolean> {
    let interest = this.#interests.get(topic);
    if (interest === undefined) {
      interest = {
        topic,
        state: "absent",
        call: 0,
        answer: undefined,
        patience: undefined,
        lingering: undefined,
      };
      this.#interests.set(topic, interest);
    } else this.#stay(interest);
    if (this.#isOpen && interest.state === "absent") this.#ask(interest);
    return this.held(topic);
  }

  /** Tells whether the broker knows of a topic, as {@link want} does, but changes nothing. */
  held(topic: string): Promise<boolean> {
    const interest = this.#interests.get(topic);
    if (interest?.state === "held") return yes;
    return interest?.answer?.promise ?? no;
  }

  /** The topics that are wanted. */
  get wanted(): string[] {
    return [...this.#interests.keys()];
  }

  /** The last subscriber of a topic has left. */
  release(topic: string): void {
    const interest = this.#interests.get(topic);
    if (interest === undefined) return;
    if (this.#lingering >= mostLingering || this.#settings.linger === 0) {
      this.#drop(interest);
      return;
    }
    this.#lingering++;
    interest.lingering = this.#deadlines.after(this.#settings.linger, () => {
      this.#lingering--;
      interest.lingering = undefined;
      this.#drop(interest);
    });
  }

  /**
   * Gives the topics to a driver that subscribes to all of them after an outage. Those that the driver reads become "renewed".
   */
  *topics(): Generator<string, void, undefined> {
    for (const interest of this.#interests.values()) {
      if (!this.#isOpen) interest.state = "renewed";
      yield interest.topic;
    }
  }

  /** The broker can be reached: subscribes to the topics that it does not know of. */
  open(): void {
    this.#isOpen = true;
    for (const interest of [...this.#interests.values()]) {
      if (interest.state === "renewed") interest.state = "held";
      else if (interest.state === "absent") this.#ask(interest);
    }
  }

  /** The broker is away, and has forgotten all topics. */
  shut(): void {
    this.#isOpen = false;
    for (const interest of this.#interests.values()) {
      interest.state = "absent";
      this.#answer(interest, false);
    }
  }

  /** No topic is wanted any more. */
  close(): void {
    this.#isOpen = false;
    for (const interest of this.#interests.values()) {
      this.#answer(interest, false);
      interest.lingering?.cancel();
    }
    this.#interests.clear();
  }

  #ask(interest: Interest): void {
    const call = ++this.#calls;
    interest.state = "asked";
    interest.call = call;
    interest.answer = newDeferred<boolean>();
    let result: Awaitable<void>;
    try {
      result = this.#owner.subscribe(interest.topic);
    } catch (error) {
      this.#refused(interest, call, error);
      return;
    }
    if (result === undefined) {
      this.#confirmed(interest, call);
      return;
    }
    interest.patience = this.#deadlines.after(this.#settings.timeout, () => {
      this.#answer(interest, false);
      this.#owner.overdue();
    });
    whenSettled(
      result,
      () => {
        this.#confirmed(interest, call);
      },
      (error) => {
        this.#refused(interest, call, error);
      },
    );
  }

  #confirmed(interest: Interest, call: number): void {
    if (interest.call === call && interest.state === "asked") {
      interest.state = "held";
      this.#answer(interest, true);
    }
    this.#owner.answered();
  }

  #refused(interest: Interest, call: number, error: unknown): void {
    if (interest.call !== call || interest.state !== "asked") return;
    interest.state = "absent";
    this.#answer(interest, false);
    this.#owner.failed(interest.topic, error);
  }

  #answer(interest: Interest, isHeld: boolean): void {
    interest.patience?.cancel();
    interest.patience = undefined;
    interest.answer?.resolve(isHeld);
    interest.answer = undefined;
  }

  /** A lingering topic has a subscriber again. */
  #stay(interest: Interest): void {
    if (interest.lingering === undefined) return;
    interest.lingering.cancel();
    interest.lingering = undefined;
    this.#lingering--;
  }

  #drop(interest: Interest): void {
    this.#interests.delete(interest.topic);
    this.#answer(interest, false);
    this.#owner.forgotten(interest.topic);
    if (!this.#isOpen) return;
    try {
      whenSettled(this.#owner.unsubscribe(interest.topic), undefined, () => {});
    } catch {
      // No harm: the node drops messages of topics that are not wanted.
    }
  }
}
