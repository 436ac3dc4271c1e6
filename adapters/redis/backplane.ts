/**
 * A backplane over pub/sub of Redis or Valkey: each topic has a channel.
 *
 * Theory of operation. A server has two connections: one publishes, one listens. It is "up" while both are open and Redis does
 * what it is asked. After an outage it subscribes again to all topics that are wanted, and then reports a gap, since Redis keeps
 * nothing. Where Redis answers and refuses for now, the server asks again after pauses that grow. One variable, `#state`, says
 * how far that is.
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

/** Says how publications go over Redis. */
export interface RedisBackplaneOptions {
  /** The text in front of a topic in the name of its channel. Default: "framewire:". */
  readonly prefix?: string | undefined;
  /**
   * Whether sharded pub/sub is used (SPUBLISH, of Redis 7 and Valkey). In a cluster, a message then goes only to the shard of its
   * topic, and not to all nodes. All servers must have the same value. Default: false.
   */
  readonly sharded?: boolean | undefined;
}

/** The kinds of value that the options take. */
export const table: OptionTable<RedisBackplaneOptions> = { prefix: text, sharded: boolean };

/** The most channels in one command that subscribes. */
const channelsAtOnce = 1000;

/**
 * Makes a backplane of a client for Redis or Valkey.
 *
 * @param client A client of node-redis or ioredis; see {@link RedisClient}. Each server that joins opens two connections of its
 * own, with the client's options.
 * @throws {TypeError} The client is not one of these, or an option has a wrong type.
 */
export function redisBackplane(
  client: RedisClient,
  options: RedisBackplaneOptions = {},
): Backplane {
  checkOptions(options, table);
  return { join: joinOf(client, options, undefined) };
}

/** The part that differs where Redis keeps messages: `redisStreams` has it. */
export interface RedisHistory {
  keeps(topic: string): boolean;
  /** Keeps an envelope, and publishes it. */
  publish(link: RedisLink, topic: string, envelope: Uint8Array): Promise<Position | undefined>;
  /** Gives the member a message that came on the channel of a topic with a history. */
  deliver(member: BackplaneMember, topic: string, bytes: Uint8Array): void;
  read(link: RedisLink, topic: string, since: Position | undefined): Promise<HistoryPage>;
}

/**
 * Gives the function by which servers join.
 *
 * @throws {TypeError} The client is neither of node-redis nor of ioredis.
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

/** Errors of Redis about a wrong or missing password, or missing rights. Trying again would not help. */
const hopeless = /^(?:WRONGPASS|NOAUTH|NOPERM|DENIED|ERR AUTH|ERR invalid password)/;
/**
 * Errors of Redis in a state that passes: it reads its files, has lost its master or its replicas, is a replica since a failover,
 * has no memory, runs a script for long, or moves slots. Where a script meets such an error, Redis 6 puts it behind " -".
 */
const passing =
  /(?:^|: -)(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY|NOREPLICAS|OOM|MISCONF) /;
/** Errors that say that another Redis has taken over. The same host name may lead to that other Redis by now. */
const replaced = /(?:^|: -)(?:READONLY|MASTERDOWN) /;
/** Milliseconds between two questions whether Redis is still a master. */
const rolePause = 1000;
/** Milliseconds until Redis is asked again what it has refused for now: the first pause, and the longest. */
const [firstPause, longestPause] = [100, 2000];
/** One server on Redis. One connection publishes and another listens, since a connection that listens can do nothing else. */
class RedisMembership implements BackplaneMembership {
  readonly #prefix: string;
  readonly #member: BackplaneMember;
  readonly #history: RedisHistory | undefined;
  readonly #publisher: RedisLink;
  readonly #listener: RedisLink;
  readonly #joined = newDeferred<void>();
  readonly #openLinks = new Set<RedisLink>();
  /** Topics that the listener's client has subscribed to. node-redis subscribes to them again by itself. */
  readonly #topics = new Set<string>();
  /**
   * "opening" for the first time; "up"; "down" while a connection is lost; "refused" while both connections are open, but Redis
   * refuses for now what it is asked; "renewing" while it is asked that again, and the server subscribes again; "left".
   */
  #state: "opening" | "up" | "down" | "refused" | "renewing" | "left" = "opening";
  /** The request that Redis has refused for now. The server is "up" again once Redis has taken it. */
  #question: (() => Promise<unknown>) | undefined;
  #pause = firstPause;
  /** The role that Redis gave when it was last asked; undefined after a failover. The next field says when that was. */
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

  /** Opens both connections. Resolves when they are open, or when the first attempt has failed and others will follow. */
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
   * Asks whether Redis is still a master. A replica takes publications, but does not pass them on to its master. So messages
   * would be lost in silence if Redis became a replica in a failover and did not end its connections.
   */
  async #askRole(): Promise<void> {
    this.#roleAsked = performance.now();
    let role: string | undefined;
    try {
      [role] = (await this.#publisher.role()) as string[];
    } catch {
      // This user may not run ROLE, or Redis is away. The connection's events tell the latter.
    }
    const before = this.#role;
    this.#role = role;
    if (before === "master" && role === "slave" && this.#state === "up") {
      this.#role = undefined;
      this.#refused(new Error("READONLY Redis has become a replica"));
    }
  }

  /** A connection is open. But Redis may just have started: then it refuses commands until it has read its files. */
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
          // This user may not run PING, but Redis answers.
          break;
        } else return; // The connection has ended, and tells why by its own event.
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
   * Gives the error that the server gets. A refusal of Redis is final, unless its state passes. After an error of the connection,
   * or in a state that passes, the server gets `DOWN`, and tries again.
   *
   * @param question Asks Redis the same again.
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

  /** Redis refuses for now what it is asked. It is asked again, after a pause that grows. */
  #refused(error: unknown): void {
    this.#state = "refused";
    this.#member.state("down", error);
    const isReplaced = replaced.test((error as Error).message);
    this.#timer = setTimeout(() => {
      if (isReplaced) {
        // `#ready` goes on when both connections are open again.
        this.#publisher.reopen();
        this.#listener.reopen();
      } else void this.#renew();
    }, this.#pause);
    this.#pause = Math.min(2 * this.#pause, longestPause);
  }

  /**
   * Both connections are back. Asks Redis again what it had refused, and subscribes to the topics that are wanted now. Messages
   * that others have published meanwhile may be lost, so that a gap is reported.
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
    // A connection was lost meanwhile, or the server has left. After the next outage this begins anew.
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
      // Redis has refused one or more topics of a command. The server now asks for each topic alone, and learns which are
      // refused.
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

  /** Gives the channels of topics, in parts that fit into one command. */
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

/** Gives the reason of the first answer that was rejected with an error of a kind; undefined if there is none. */
function refusalIn(answers: readonly PromiseSettledResult<unknown>[], kind: RegExp): unknown {
  for (const answer of answers) {
    if (answer.status === "rejected" && kind.test((answer.reason as Error).message)) {
      return answer.reason;
    }
  }
  return undefined;
}
