/**
 * Two connections to PostgreSQL: one publishes, one listens. So a command that listens need not wait for commands that publish.
 * If one connection is lost, both are dropped, and the owner begins a new session.
 *
 * @module
 */

import { clearTimeout, setTimeout } from "node:timers";
import type { BackplaneMember } from "../../src/connection/backplane/backplane.ts";
import { newDeferred, quiet } from "../../src/deferred.ts";
import { BackplaneError } from "../../src/errors.ts";
import { Arrivals } from "./arrivals.ts";
import { channelOf, quoted } from "./channels.ts";
import { NotNotifiedError, type PostgresClient } from "./client.ts";
import { Link } from "./link.ts";
import { Publisher } from "./publisher.ts";
import type { MessageRows } from "./rows.ts";

/** The most commands of one transaction. */
const commandsAtOnce = 1000;

/** The payloads of the two notifications that a session sends itself when it opens. */
const [asked, unasked] = ["asked", "unasked"];

/** The parts that a session needs. */
export interface SessionParts {
  readonly member: BackplaneMember;
  readonly prefix: string;
  /** Milliseconds after which an answer is late. */
  readonly timeout: number;
  readonly rows: MessageRows;
  /** Makes a client. May throw. */
  newClient(): PostgresClient;
  /** The session is lost, and has dropped its connections. Called at most once, and not after `end` or `drop`. */
  lost(session: Session, error: unknown): void;
}

/** A pair of connections, from `open` until one of them is lost. */
export class Session {
  readonly #prefix: string;
  readonly #publishing: Link;
  readonly #listening: Link;
  readonly #publisher: Publisher;
  readonly #arrivals: Arrivals;
  /** The topics, by the channels that the session listens to. */
  readonly #topics = new Map<string, string>();
  /** LISTEN and UNLISTEN of this turn of the event loop, and the promise of their answer. */
  #gathered: { readonly commands: string[]; readonly done: Promise<void> } | undefined;
  readonly #tellLost: SessionParts["lost"];
  readonly #timeout: number;
  /** A channel that no topic has. The session notifies itself on it when it opens. */
  readonly #trial: string;
  #hasHeard = false;
  /** Settles when the notification has come that comes by itself. */
  readonly #heard = newDeferred<void>();
  #isOver = false;

  /** @throws The error of `newClient`. */
  constructor(parts: SessionParts) {
    const { member, rows, timeout } = parts;
    this.#prefix = parts.prefix;
    this.#timeout = timeout;
    this.#trial = `${parts.prefix}%t${member.id}`;
    this.#tellLost = parts.lost;
    const lost = (error: unknown): void => {
      this.lose(error);
    };
    // Nothing is listened to on the connection that publishes. A pooler may lend it one that listens.
    this.#publishing = new Link(parts.newClient(), timeout, { lost, notified() {} });
    const notified = this.#notified.bind(this);
    this.#listening = new Link(parts.newClient(), timeout, { lost, notified });
    this.#publisher = new Publisher(this.#publishing, rows);
    this.#arrivals = new Arrivals(member, {
      isId: (text) => rows.isId(text),
      isOwn: (id) => rows.isOwn(id),
      read: (id) => rows.read(this.#listening, id),
    });
    rows.deleteBy(this.#publishing);
  }

  /**
   * Connects. Rejects if a connection is lost meanwhile, which the owner is told, too; and if notifications of one connection do
   * not reach the other.
   */
  async open(): Promise<void> {
    await Promise.all([this.#publishing.open(), this.#listening.open()]);
    await Promise.all([
      // A commit need not wait for the disk: notifications do not survive a crash anyway.
      this.#publishing.query("SET synchronous_commit TO off"),
      this.#listening.query(`LISTEN ${quoted(this.#trial)}`),
    ]);
    await this.#try();
    void quiet(this.#listening.query(`UNLISTEN ${quoted(this.#trial)}`));
  }

  /**
   * Checks that notifications of one connection reach the other. A pooler that lends its connections for one transaction may lend
   * the same one again, so that a notification comes with the answer to a command. So there are two more checks: the connections
   * are not the same one in PostgreSQL, and a notification comes by itself.
   */
  async #try(): Promise<void> {
    const notify = "SELECT pg_backend_pid() AS pid, pg_notify($1, $2)";
    await this.#publishing.query(notify, [this.#trial, asked]);
    // PostgreSQL sends the notification before the answer to this command.
    const [listening] = await this.#listening.query("SELECT pg_backend_pid() AS pid");
    if (!this.#hasHeard) throw new NotNotifiedError();
    const [publishing] = await this.#publishing.query(notify, [this.#trial, unasked]);
    if (publishing?.["pid"] === listening?.["pid"]) throw new NotNotifiedError();
    const late = setTimeout(() => {
      this.#heard.reject(new NotNotifiedError());
    }, this.#timeout);
    try {
      await this.#heard.promise;
    } finally {
      clearTimeout(late);
    }
  }

  publish(topic: string, envelope: Uint8Array): Promise<void> {
    return this.#publisher.publish(channelOf(this.#prefix, topic), envelope);
  }

  /** Listens to topics. Resolves when all that is published to them from then on will come. */
  async listen(topics: Iterable<string>): Promise<void> {
    const asked = new Set<Promise<void>>();
    for (const topic of topics) {
      const channel = channelOf(this.#prefix, topic);
      this.#topics.set(channel, topic);
      asked.add(this.#ask(`LISTEN ${quoted(channel)}`));
    }
    await Promise.all(asked);
  }

  /** Stops listening to all topics but these. */
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

  /** Sends what is published, and ends both connections. Resolves at once when the session is dropped. */
  async end(): Promise<void> {
    this.#arrivals.stop();
    await this.#publisher.flush();
    this.#isOver = true;
    await Promise.all([this.#publishing.end(), this.#listening.end()]);
  }

  /** Drops the session, and tells the owner why: at most once, and not after `end` or `drop`. */
  lose(error: unknown): void {
    if (this.#isOver) return;
    this.drop();
    this.#tellLost(this, error);
  }

  /** Ends both connections at once. */
  drop(): void {
    this.#isOver = true;
    this.#heard.reject(new BackplaneError("DOWN"));
    this.#arrivals.stop();
    this.#publishing.drop();
    this.#listening.drop();
  }

  #notified(channel: string, payload: string): void {
    if (channel === this.#trial) {
      this.#hasHeard = true;
      if (payload === unasked) this.#heard.resolve();
    }
    const topic = this.#topics.get(channel);
    if (topic !== undefined) this.#arrivals.take(topic, payload);
  }

  /** Sends a command in one transaction with the others of this turn, up to `commandsAtOnce`. */
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
