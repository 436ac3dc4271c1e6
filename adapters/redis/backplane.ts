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
import { linksOf, type NewLink, type RedisClient, type RedisLink } from "./clients.ts";

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
/** What it says while it reads its own files. */
const loading = /^LOADING /;
/** Milliseconds until it is asked again whether it has. */
const loadingPause = 100;
/** What Redis itself says begins with a code; what a client says of its connection does not. */
const reply = /^[A-Z][A-Z0-9]+ /;

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
  /** "opening" for the first time; "up"; "down" while a connection is lost; "renewing" the subscriptions; "left". */
  #state: "opening" | "up" | "down" | "renewing" | "left" = "opening";

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
      if (this.#history?.keeps(topic) === true) {
        return await this.#history.publish(this.#publisher, topic, envelope);
      }
      await this.#publisher.publish(this.#prefix + topic, envelope);
    } catch (error) {
      throw toTell(error);
    }
    return undefined;
  }

  async history(topic: string, since: Position | undefined): Promise<HistoryPage> {
    try {
      return await this.#history!.read(this.#publisher, topic, since);
    } catch (error) {
      throw toTell(error);
    }
  }

  async subscribe(topic: string): Promise<void> {
    this.#topics.add(topic);
    try {
      await this.#listener.subscribe([this.#prefix + topic]);
    } catch (error) {
      throw toTell(error);
    }
  }

  async unsubscribe(topic: string): Promise<void> {
    this.#topics.delete(topic);
    await this.#listener.unsubscribe([this.#prefix + topic]);
  }

  async leave(signal: RuntimeSignal): Promise<void> {
    const isUp = this.#state === "up";
    this.#state = "left";
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
        void this.#awaitLoaded(link);
      },
      lost: (error) => {
        this.#lost(link, error);
      },
      message: (channel, bytes) => {
        const topic = channel.slice(this.#prefix.length);
        if (this.#history?.keeps(topic) === true) this.#history.deliver(this.#member, topic, bytes);
        else this.#member.deliver(topic, bytes);
      },
    });
    return link;
  }

  /** A connection is there. Redis may have been started again, and answer nothing until it has read what it had written down. */
  async #awaitLoaded(link: RedisLink): Promise<void> {
    for (;;) {
      try {
        await link.ping();
        this.#ready(link);
        return;
      } catch (error) {
        // What else goes wrong is told by the connection.
        if (this.#state === "left" || !loading.test((error as Error).message)) return;
        await new Promise((resolve) => setTimeout(resolve, loadingPause));
      }
    }
  }

  #ready(link: RedisLink): void {
    this.#openLinks.add(link);
    if (this.#openLinks.size < 2 || this.#state === "left") return;
    if (this.#state === "opening") {
      this.#state = "up";
      this.#joined.resolve();
    } else void this.#renew();
  }

  #lost(link: RedisLink, error: unknown): void {
    this.#openLinks.delete(link);
    if (this.#state === "left") return;
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

  /** Both are back: Redis is told of the topics that are wanted now; what was published meanwhile may be lost. */
  async #renew(): Promise<void> {
    this.#state = "renewing";
    const wanted = new Set(this.#member.topics());
    const stale = [...this.#topics].filter((topic) => !wanted.has(topic));
    for (const topic of stale) this.#topics.delete(topic);
    for (const topic of wanted) this.#topics.add(topic);
    const { subscribe, unsubscribe } = this.#listener;
    await Promise.allSettled([
      ...this.#inParts([...wanted], subscribe),
      ...this.#inParts(stale, unsubscribe),
    ]);
    // Lost again meanwhile, or left: the next time begins anew.
    if (this.#state !== "renewing") return;
    this.#state = "up";
    this.#member.state("up");
    this.#member.gap();
  }

  #inParts(topics: readonly string[], ask: RedisLink["subscribe"]): Promise<unknown>[] {
    const asked: Promise<unknown>[] = [];
    for (let at = 0; at < topics.length; at += channelsAtOnce) {
      const part = topics.slice(at, at + channelsAtOnce);
      asked.push(ask(part.map((topic) => this.#prefix + topic)));
    }
    return asked;
  }

  #drop(): void {
    this.#publisher.drop();
    this.#listener.drop();
  }
}

/** What Redis refuses is final; what the connection has prevented is to be tried again. */
function toTell(error: unknown): unknown {
  const isFinal = reply.test((error as Error).message);
  return isFinal ? error : new BackplaneError("DOWN", { cause: error });
}
