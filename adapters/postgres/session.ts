/**
 * Two connections to PostgreSQL, one that publishes and one that listens: what is asked for on the second is not held up by what the
 * first has under way. Where one is lost, both are dropped, and another session begins anew.
 *
 * @module
 */

import type { BackplaneMember } from "../../src/connection/backplane/backplane.ts";
import { quiet } from "../../src/deferred.ts";
import { Arrivals } from "./arrivals.ts";
import { channelOf, quoted } from "./channels.ts";
import { NotNotifiedError, type PostgresClient } from "./client.ts";
import { Link } from "./link.ts";
import { Publisher } from "./publisher.ts";
import type { MessageRows } from "./rows.ts";

/** Commands of one transaction. */
const commandsAtOnce = 1000;

/** What a session is made of. */
export interface SessionParts {
  readonly member: BackplaneMember;
  readonly prefix: string;
  /** Milliseconds until an answer is overdue. */
  readonly timeout: number;
  readonly rows: MessageRows;
  /** Makes a client. May throw. */
  newClient(): PostgresClient;
  /** The session is over, and has dropped its connections. Once, and not where it was ended. */
  lost(session: Session, error: unknown): void;
}

/** A pair of connections, from `open` until one of them is lost. */
export class Session {
  readonly #prefix: string;
  readonly #publishing: Link;
  readonly #listening: Link;
  readonly #publisher: Publisher;
  readonly #arrivals: Arrivals;
  /** The topics of the channels that are listened to. */
  readonly #topics = new Map<string, string>();
  /** LISTEN and UNLISTEN of this turn, and what they end with. */
  #gathered: { readonly commands: string[]; readonly done: Promise<void> } | undefined;
  readonly #tellLost: SessionParts["lost"];
  /** A channel that no topic has. */
  readonly #trial: string;
  #hasHeard = false;
  #isOver = false;

  /** @throws What making a client throws. */
  constructor(parts: SessionParts) {
    const { member, rows, timeout } = parts;
    this.#prefix = parts.prefix;
    this.#trial = `${parts.prefix}%t${member.id}`;
    this.#tellLost = parts.lost;
    const owner = {
      lost: (error: unknown): void => {
        this.lose(error);
      },
      notified: (channel: string, payload: string): void => {
        if (channel === this.#trial) this.#hasHeard = true;
        const topic = this.#topics.get(channel);
        if (topic !== undefined) this.#arrivals.take(topic, payload);
      },
    };
    this.#publishing = new Link(parts.newClient(), timeout, owner);
    this.#listening = new Link(parts.newClient(), timeout, owner);
    this.#publisher = new Publisher(this.#publishing, rows);
    this.#arrivals = new Arrivals(member, {
      isId: (text) => rows.isId(text),
      isOwn: (id) => rows.isOwn(id),
      read: (id) => rows.read(this.#listening, id),
    });
    rows.deleteBy(this.#publishing);
  }

  /** Connects. Rejects where one of them is lost meanwhile, which is told, too, and where no notification gets from one to the other. */
  async open(): Promise<void> {
    await Promise.all([this.#publishing.open(), this.#listening.open()]);
    await Promise.all([
      // To wait for the disk is for what outlives a crash, which notifications do not.
      this.#publishing.query("SET synchronous_commit TO off"),
      this.#listening.query(`LISTEN ${quoted(this.#trial)}`),
    ]);
    await this.#publishing.query("SELECT pg_notify($1, '')", [this.#trial]);
    // What the listener is to be told by then comes in front of this answer.
    await this.#listening.query("SELECT 1");
    if (!this.#hasHeard) throw new NotNotifiedError();
    void quiet(this.#listening.query(`UNLISTEN ${quoted(this.#trial)}`));
  }

  publish(topic: string, envelope: Uint8Array): Promise<void> {
    return this.#publisher.publish(channelOf(this.#prefix, topic), envelope);
  }

  /** Resolves when what is published to the topics from then on comes. */
  async listen(topics: Iterable<string>): Promise<void> {
    const asked = new Set<Promise<void>>();
    for (const topic of topics) {
      const channel = channelOf(this.#prefix, topic);
      this.#topics.set(channel, topic);
      asked.add(this.#ask(`LISTEN ${quoted(channel)}`));
    }
    await Promise.all(asked);
  }

  /** Ends what is listened to without being wanted any more. */
  keepOnly(topics: Iterable<string>): void {
    const wanted = new Set(topics);
    for (const topic of [...this.#topics.values()]) {
      if (!wanted.has(topic)) void quiet(this.unlisten(topic));
    }
  }

  async unlisten(topic: string): Promise<void> {
    const channel = channelOf(this.#prefix, topic);
    this.#topics.delete(channel);
    await this.#ask(`UNLISTEN ${quoted(channel)}`);
  }

  /** Lets out what is published, and ends both connections. Resolves at once where it is dropped. */
  async end(): Promise<void> {
    this.#arrivals.stop();
    await this.#publisher.flush();
    this.#isOver = true;
    await Promise.all([this.#publishing.end(), this.#listening.end()]);
  }

  /** Drops it, and tells why: once, and not where it has ended or was dropped. */
  lose(error: unknown): void {
    if (this.#isOver) return;
    this.drop();
    this.#tellLost(this, error);
  }

  /** Ends both connections at once. */
  drop(): void {
    this.#isOver = true;
    this.#arrivals.stop();
    this.#publishing.drop();
    this.#listening.drop();
  }

  /** Asks for one with all others of this turn, as far as they go into a transaction. */
  #ask(command: string): Promise<void> {
    if (this.#gathered === undefined || this.#gathered.commands.length >= commandsAtOnce) {
      const commands: string[] = [];
      this.#gathered = { commands, done: this.#give(commands) };
    }
    this.#gathered.commands.push(command);
    return this.#gathered.done;
  }

  async #give(commands: readonly string[]): Promise<void> {
    await undefined;
    if (this.#gathered?.commands === commands) this.#gathered = undefined;
    await this.#listening.query(commands.join(";"));
  }
}
