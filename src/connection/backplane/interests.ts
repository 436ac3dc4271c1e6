/**
 * Which topics a server wants of its broker, and which of them the broker knows of.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../../clock.ts";
import { type Deferred, newDeferred, whenSettled } from "../../deferred.ts";
import type { Awaitable } from "../../io/byte-stream.ts";

/** What holds for topics. */
export interface InterestSettings {
  /** Milliseconds that a topic stays subscribed to after its last subscriber has left. */
  readonly linger: number;
  /** Milliseconds that a subscription is waited for. */
  readonly timeout: number;
}

/** What is asked of the broker, and told of it. The first two may throw. */
export interface InterestOwner {
  subscribe(topic: string): Awaitable<void>;
  unsubscribe(topic: string): Awaitable<void>;
  /** The broker has answered. */
  answered(): void;
  /** It has not, in time. */
  overdue(): void;
  /** It will not have a subscription. */
  failed(topic: string, error: unknown): void;
  /** A topic is wanted no more. */
  forgotten(topic: string): void;
}

/** Topics without subscribers that may linger: a peer that goes through many does not fill the memory with them. */
const mostLingering = 4096;

const yes = /* @__PURE__ */ Promise.resolve(true);
const no = /* @__PURE__ */ Promise.resolve(false);

/** One topic. */
interface Interest {
  readonly topic: string;
  /**
   * "absent": the broker does not know of it. "asked": it is being told. "renewed": the driver tells it again by itself, before
   * it says that the broker is back. "held": the broker knows.
   */
  state: "absent" | "asked" | "renewed" | "held";
  /** Which call asks: an answer to an older one counts for nothing. */
  call: number;
  /** Settles with whether the broker knows. Once for each "asked". */
  answer: Deferred<boolean> | undefined;
  /** Until when nobody waits any longer. */
  patience: Deadline | undefined;
  /** When it is let go, where it has no subscriber. */
  lingering: Deadline | undefined;
}

/** Keeps the broker's subscriptions as the server's own subscribers want them. */
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
   * @returns Whether the broker knows: true as soon as it does; false at once where it is away, and when it has refused, or has not
   * answered in time. Never rejects.
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

  /** Tells whether the broker knows of a topic, as {@link want} does, and changes nothing. */
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

  /** The topics, for a driver that tells a broker of all of them: what it takes from here need not be asked for again. */
  *topics(): Generator<string, void, undefined> {
    for (const interest of this.#interests.values()) {
      if (!this.#isOpen) interest.state = "renewed";
      yield interest.topic;
    }
  }

  /** The broker is there: it is asked for what it has not been told of. */
  open(): void {
    this.#isOpen = true;
    for (const interest of [...this.#interests.values()]) {
      if (interest.state === "renewed") interest.state = "held";
      else if (interest.state === "absent") this.#ask(interest);
    }
  }

  /** The broker is away, and knows of nothing any more. */
  shut(): void {
    this.#isOpen = false;
    for (const interest of this.#interests.values()) {
      interest.state = "absent";
      this.#answer(interest, false);
    }
  }

  /** Nothing is wanted any more. */
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

  /** It has a subscriber again. */
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
      // What still comes of the topic is dropped.
    }
  }
}
