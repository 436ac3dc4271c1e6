/**
 * A backplane over pub/sub of Redis or Valkey: a channel for each topic.
 *
 * @module
 */

import { boolean, checkOptions, type OptionTable, text } from "../../src/check-options.ts";
import type {
  Backplane,
  BackplaneMember,
  BackplaneMembership,
} from "../../src/connection/backplane/backplane.ts";
import type { HistoryPage, Position } from "../../src/connection/backplane/history.ts";
import { newDeferred } from "../../src/deferred.ts";
import { BackplaneError } from "../../src/errors.ts";
import type { RuntimeSignal } from "../../src/transport.ts";
import { linksOf, type NewLink, type RedisClient, type RedisLink, refusal } from "./clients.ts";

/** How publications go over Redis. */
export interface RedisBackplaneOptions {
  /** What is in front of a topic in the name of its channel. Default: "framewire:". */
  readonly prefix?: string | undefined;
  /**
   * Whether sharded pub/sub is used (SPUBLISH, of Redis 7 and Valkey): in a cluster a message then goes to the shard of its topic,
   * and not to all nodes. All servers must agree. Default: false.
   */
  readonly sharded?: boolean | undefined;
}

/** What the options may be. */
export const table: OptionTable<RedisBackplaneOptions> = { prefix: text, sharded: boolean };

/** Channels that are subscribed to by one command. */
const channelsAtOnce = 1000;

/**
 * Makes a backplane of a client for Redis or Valkey.
 *
 * @param client Of node-redis or ioredis; see {@link RedisClient}. Each server that joins has two connections of its own, with the
 * client's options.
 * @throws {TypeError} The client is of neither, or an option is of a wrong type.
 */
export function redisBackplane(
  client: RedisClient,
  options: RedisBackplaneOptions = {},
): Backplane {
  checkOptions(options, table);
  return { join: joinOf(client, options, undefined) };
}

/** What is different where Redis keeps messages. */
export interface RedisHistory {
  keeps(topic: string): boolean;
  /** Keeps an envelope, and publishes it. */
  publish(link: RedisLink, topic: string, envelope: Uint8Array): Promise<Position | undefined>;
  /** Gives what came on the channel of such a topic to the member. */
  deliver(member: BackplaneMember, topic: string, bytes: Uint8Array): void;
  read(link: RedisLink, topic: string, since: Position | undefined): Promise<HistoryPage>;
}

/**
 * Gives what lets servers join.
 *
 * @throws {TypeError} The client is of neither kind.
 */
export function joinOf(
  client: RedisClient,
  { prefix = "framewire:", sharded = false }: RedisBackplaneOptions,
  history: RedisHistory | undefined,
): Backplane["join"] {
  const newLink = linksOf(client, sharded);
  return async (member) => {
    const membership = new RedisMembership(newLink, prefix, member, history);
    await membership.open();
    return membership;
  };
}

/** What Redis says to a password that is wrong or missing: to try again would not mend it. */
const hopeless = /^(?:WRONGPASS|NOAUTH|NOPERM|DENIED|ERR AUTH|ERR invalid password)/;
/**
 * What it says in a state that passes: while it reads its own files, has lost its master or its replicas, is a replica since a
 * failover, has no memory, runs a script for long, moves slots. Redis 6 says it behind " -" where a script meets it.
 */
const passing =
  /(?:^|: -)(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS|OOM|MISCONF) /;
/** Where another Redis has taken over: what led to this one may lead to that by now. */
const replaced = /(?:^|: -)(?:READONLY|MASTERDOWN) /;
/** Milliseconds between two questions whether it is still a master. */
const rolePause = 1000;
/** Milliseconds until Redis is asked again what it has refused for now: at first, and at the most. */
const [firstPause, longestPause] = [100, 2000];
/** One server on Redis: a connection that publishes, and one that listens, since that can do nothing else. */
class RedisMembership implements BackplaneMembership {
  readonly #prefix: string;
  readonly #member: BackplaneMember;
  readonly #history: RedisHistory | undefined;
  readonly #publisher: RedisLink;
  readonly #listener: RedisLink;
  readonly #joined = newDeferred<void>();
  readonly #openLinks = new Set<RedisLink>();
  /** What the listener's client has subscribed to: node-redis does that again by itself. */
  readonly #topics = new Set<string>();
  /**
   * "opening" for the first time; "up"; "down" while a connection is lost; "refused" while both are there, and Redis will not do for
   * now what it is asked; "renewing" what it has refused, and the subscriptions; "left".
   */
  #state: "opening" | "up" | "down" | "refused" | "renewing" | "left" = "opening";
  /** What Redis has refused for now: it is "up" when it has taken that. */
  #question: (() => Promise<unknown>) | undefined;
  #pause = firstPause;
  /** What it was when it was last asked, and when that was; undefined behind a failover. */
  #role: string | undefined;
  #roleAsked = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    newLink: NewLink,
    prefix: string,
    member: BackplaneMember,
    history: RedisHistory | undefined,
  ) {
    this.#prefix = prefix;
    this.#member = member;
    this.#history = history;
    this.#publisher = this.#newLink(newLink);
    this.#listener = this.#newLink(newLink);
  }

  /** Opens both; resolves when they are there, or when the first attempt has failed and others will follow. */
  async open(): Promise<void> {
    this.#publisher.open();
    this.#listener.open();
    await this.#joined.promise;
  }

  async publish(topic: string, envelope: Uint8Array): Promise<Position | undefined> {
    try {
      return await this.#give(topic, envelope);
    } catch (error) {
      throw this.#toTell(error, () => this.#give(topic, envelope));
    }
  }

  async history(topic: string, since: Position | undefined): Promise<HistoryPage> {
    const read = (): Promise<HistoryPage> => this.#history!.read(this.#publisher, topic, since);
    try {
      return await read();
    } catch (error) {
      throw this.#toTell(error, read);
    }
  }

  async subscribe(topic: string): Promise<void> {
    this.#topics.add(topic);
    const subscribe = (): Promise<unknown> => this.#listener.subscribe([this.#prefix + topic]);
    try {
      await subscribe();
    } catch (error) {
      throw this.#toTell(error, subscribe);
    }
  }

  async unsubscribe(topic: string): Promise<void> {
    this.#topics.delete(topic);
    await this.#listener.unsubscribe([this.#prefix + topic]);
  }

  async leave(signal: RuntimeSignal): Promise<void> {
    const isUp = this.#state === "up";
    this.#state = "left";
    clearTimeout(this.#timer);
    const drop = (): void => {
      this.#drop();
    };
    signal.addEventListener("abort", drop);
    if (isUp) await Promise.allSettled([this.#publisher.end(), this.#listener.end()]);
    this.#drop();
  }

  #newLink(newLink: NewLink): RedisLink {
    const link = newLink({
      ready: () => {
        void this.#greet(link);
      },
      lost: (error) => {
        this.#lost(link, error);
      },
      unsubscribed: () => {
        if (this.#state === "up") this.#refused(new Error("Redis has ended subscriptions"));
      },
      message: (channel, bytes) => {
        const topic = channel.slice(this.#prefix.length);
        if (this.#history?.keeps(topic) === true) this.#history.deliver(this.#member, topic, bytes);
        else this.#member.deliver(topic, bytes);
      },
    });
    return link;
  }

  async #give(topic: string, envelope: Uint8Array): Promise<Position | undefined> {
    if (this.#history?.keeps(topic) === true) {
      return this.#history.publish(this.#publisher, topic, envelope);
    }
    const published = this.#publisher.publish(this.#prefix + topic, envelope);
    if (performance.now() - this.#roleAsked > rolePause) void this.#askRole();
    await published;
    return undefined;
  }

  /**
   * Asks whether Redis is still a master. A replica takes publications, and keeps them for itself: who has become one in a failover, and
   * has not ended its connections, would lose them in silence.
   */
  async #askRole(): Promise<void> {
    this.#roleAsked = performance.now();
    let role: string | undefined;
    try {
      [role] = (await this.#publisher.role()) as string[];
    } catch {
      // It may not be asked, or is away, which is told elsewhere.
    }
    const before = this.#role;
    this.#role = role;
    if (before === "master" && role === "slave" && this.#state === "up") {
      this.#role = undefined;
      this.#refused(new Error("READONLY Redis has become a replica"));
    }
  }

  /** A connection is there; but Redis may have been started again, and answer nothing until it has read what it had written down. */
  async #greet(link: RedisLink): Promise<void> {
    for (;;) {
      try {
        await link.ping();
        break;
      } catch (error) {
        if (this.#state === "left") return;
        const { message } = error as Error;
        if (passing.test(message)) {
          this.#lost(link, error);
          await new Promise((resolve) => setTimeout(resolve, firstPause));
        } else if (refusal.test(message)) {
          // It may not be greeted, and answers.
          break;
        } else return; // The connection tells why it has ended.
      }
    }
    this.#ready(link);
  }

  #ready(link: RedisLink): void {
    this.#openLinks.add(link);
    if (this.#openLinks.size < 2) return;
    if (this.#state === "opening") {
      this.#state = "up";
      this.#joined.resolve();
    } else if (this.#state === "down") void this.#renew();
  }

  #lost(link: RedisLink, error: unknown): void {
    this.#openLinks.delete(link);
    if (this.#state === "left") return;
    clearTimeout(this.#timer);
    if (this.#state === "opening" && hopeless.test((error as Error).message)) {
      this.#state = "left";
      this.#drop();
      this.#joined.reject(error);
      return;
    }
    this.#state = "down";
    this.#member.state("down", error);
    this.#joined.resolve();
  }

  /**
   * Gives what is told of an error. What Redis refuses is final, unless it is so for now; what the connection has prevented is to be
   * tried again.
   *
   * @param question What Redis was asked.
   */
  #toTell(error: unknown, question: () => Promise<unknown>): unknown {
    const { message } = error as Error;
    const passes = passing.test(message);
    if (passes && this.#state === "up") {
      this.#question = question;
      this.#refused(error);
    }
    return !passes && refusal.test(message) ? error : new BackplaneError("DOWN", { cause: error });
  }

  /** Redis will not do for now what it is asked: it is asked again, after a pause that grows. */
  #refused(error: unknown): void {
    this.#state = "refused";
    this.#member.state("down", error);
    const isReplaced = replaced.test((error as Error).message);
    this.#timer = setTimeout(() => {
      if (isReplaced) {
        // When both are ready again, it goes on.
        this.#publisher.reopen();
        this.#listener.reopen();
      } else void this.#renew();
    }, this.#pause);
    this.#pause = Math.min(2 * this.#pause, longestPause);
  }

  /**
   * Both are back: Redis is asked what it had refused, and told of the topics that are wanted now. What was published meanwhile may be
   * lost.
   */
  async #renew(): Promise<void> {
    this.#state = "renewing";
    let answers: PromiseSettledResult<unknown>[] = await Promise.allSettled([this.#question?.()]);
    let hindrance = refusalIn(answers, passing);
    if (hindrance === undefined && this.#isRenewing) {
      this.#question = undefined;
      answers = await this.#subscribeAgain();
      hindrance = refusalIn(answers, passing);
    }
    // Lost again meanwhile, or left: the next time begins anew.
    if (!this.#isRenewing) return;
    if (hindrance !== undefined) {
      this.#refused(hindrance);
      return;
    }
    this.#pause = firstPause;
    this.#state = "up";
    this.#member.state("up");
    const refused = refusalIn(answers, refusal);
    if (refused !== undefined) {
      // Of many topics, or of one: the server asks for each by itself, and is told of whom.
      this.#member.state("down", refused);
      this.#member.state("up");
    }
    this.#member.gap();
  }

  get #isRenewing(): boolean {
    return this.#state === "renewing";
  }

  #subscribeAgain(): Promise<PromiseSettledResult<unknown>[]> {
    const wanted = new Set(this.#member.topics());
    const stale = [...this.#topics].filter((topic) => !wanted.has(topic));
    for (const topic of stale) this.#topics.delete(topic);
    for (const topic of wanted) this.#topics.add(topic);
    const link = this.#listener;
    return Promise.allSettled([
      ...this.#channels([...wanted]).map((channels) => link.subscribe(channels)),
      ...this.#channels(stale).map((channels) => link.unsubscribe(channels)),
    ]);
  }

  /** The channels of topics, so many at a time as one command has. */
  #channels(topics: readonly string[]): string[][] {
    const parts: string[][] = [];
    for (let at = 0; at < topics.length; at += channelsAtOnce) {
      const part = topics.slice(at, at + channelsAtOnce);
      parts.push(part.map((topic) => this.#prefix + topic));
    }
    return parts;
  }

  #drop(): void {
    this.#publisher.drop();
    this.#listener.drop();
  }
}

/** The first of some answers that is a refusal of a kind. */
function refusalIn(answers: readonly PromiseSettledResult<unknown>[], kind: RegExp): unknown {
  for (const answer of answers) {
    if (answer.status === "rejected" && kind.test((answer.reason as Error).message)) {
      return answer.reason;
    }
  }
  return undefined;
}
