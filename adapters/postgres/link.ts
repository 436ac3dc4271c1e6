/**
 * One connection of one client to PostgreSQL. It sends one command after the other. If an answer is late, the connection is given
 * up.
 *
 * @module
 */

import { clearTimeout, setTimeout } from "node:timers";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import { BackplaneError } from "../../src/errors.ts";
import { Fifo } from "../../src/fifo.ts";
import { dropClient, isAnswer, type PostgresClient, type PostgresNotification } from "./client.ts";

/** Gets the events of a connection. */
export interface LinkOwner {
  /** The connection is lost, or could not be opened. Called at most once. */
  lost(error: unknown): void;
  /** A notification has come on a channel. */
  notified(channel: string, payload: string): void;
}

/** Rows: objects with a field for each column. */
export type Rows = readonly Readonly<Record<string, unknown>>[];

/** A command that waits or is under way. */
interface Job {
  readonly text: string;
  readonly values: unknown[] | undefined;
  readonly deferred: Deferred<Rows>;
}

/** A connection, until it is lost. The next connection is another `Link` with another client. */
export class Link {
  readonly #client: PostgresClient;
  readonly #timeout: number;
  readonly #owner: LinkOwner;
  readonly #opened = newDeferred<void>();
  readonly #ended = newDeferred<void>();
  /** Commands that wait for the one under way. There are only a few, since callers put many requests into one command. */
  readonly #jobs = new Fifo<Job>();
  #running: Job | undefined;
  /** "opening"; "idle", and asked at times whether it still works; "asking" while a command is under way; "over". */
  #state: "opening" | "idle" | "asking" | "over" = "opening";
  /** Fires when an answer is late; while the connection is idle, when it is asked whether it still works. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param timeout Milliseconds after which an answer is late. */
  constructor(client: PostgresClient, timeout: number, owner: LinkOwner) {
    this.#client = client;
    this.#timeout = timeout;
    this.#owner = owner;
  }

  /** Connects. Rejects if the connection is lost meanwhile. */
  open(): Promise<void> {
    const client = this.#client;
    client.on("error", (error: unknown) => {
      this.#lose(error);
    });
    client.on("end", () => {
      this.#lose(new Error("PostgreSQL has ended the connection"));
    });
    client.on("notification", ({ channel, payload = "" }: PostgresNotification) => {
      if (this.#state !== "over") this.#owner.notified(channel, payload);
    });
    this.#awaitAnswer();
    void this.#connect();
    return this.#opened.promise;
  }

  /**
   * Gives a command to PostgreSQL, after those that were given before.
   *
   * @returns The rows. Rejects with the error of PostgreSQL, or with `BackplaneError` `DOWN` if the connection is lost.
   */
  query(text: string, values?: unknown[]): Promise<Rows> {
    const deferred = newDeferred<Rows>();
    if (this.#state === "over") deferred.reject(new BackplaneError("DOWN"));
    else this.#jobs.push({ text, values, deferred });
    if (this.#state === "idle") this.#next();
    return deferred.promise;
  }

  /** Ends the connection, and waits until it has ended. */
  async end(): Promise<void> {
    if (this.#state === "over") return;
    this.#finish(new BackplaneError("DOWN"));
    await Promise.race([Promise.allSettled([this.#client.end()]), this.#ended.promise]);
  }

  /** Drops the connection at once. */
  drop(): void {
    this.#finish(new BackplaneError("DOWN"));
    dropClient(this.#client);
    this.#ended.resolve();
  }

  async #connect(): Promise<void> {
    try {
      await this.#client.connect();
    } catch (error) {
      this.#lose(error);
      return;
    }
    if (this.#state !== "opening") return;
    this.#opened.resolve();
    this.#next();
  }

  #next(): void {
    const job = this.#jobs.shift();
    this.#running = job;
    if (job === undefined) {
      this.#state = "idle";
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => void this.query("SELECT 1"), this.#timeout);
      return;
    }
    this.#state = "asking";
    this.#awaitAnswer();
    void this.#ask(job);
  }

  async #ask({ text, values, deferred }: Job): Promise<void> {
    try {
      const { rows } = await this.#client.query(values === undefined ? { text } : { text, values });
      deferred.resolve(rows as Rows);
    } catch (error) {
      if (!isAnswer(error)) {
        this.#lose(error);
        return;
      }
      deferred.reject(error);
    }
    if (this.#state !== "over") this.#next();
  }

  #awaitAnswer(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#lose(new Error(`PostgreSQL has not answered within ${this.#timeout} ms`));
    }, this.#timeout);
  }

  #lose(error: unknown): void {
    if (this.#state === "over") return;
    this.#finish(new BackplaneError("DOWN", { cause: error }), error);
    dropClient(this.#client);
    this.#owner.lost(error);
  }

  /** Rejects all that waits. @param reason The error with which `open` rejects. */
  #finish(error: BackplaneError, reason: unknown = error): void {
    this.#state = "over";
    clearTimeout(this.#timer);
    this.#opened.reject(reason);
    this.#running?.deferred.reject(error);
    for (const { deferred } of this.#jobs.takeAll()) deferred.reject(error);
  }
}
