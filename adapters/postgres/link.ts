/**
 * One connection to PostgreSQL, of one client: commands one after the other, each answered in time, or the connection is lost.
 *
 * @module
 */

import { clearTimeout, setTimeout } from "node:timers";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import { BackplaneError } from "../../src/errors.ts";
import { Fifo } from "../../src/fifo.ts";
import { dropClient, isAnswer, type PostgresClient, type PostgresNotification } from "./client.ts";

/** What is told of a connection. */
export interface LinkOwner {
  /** It is lost, or could not be opened. Once. */
  lost(error: unknown): void;
  /** Something has come on a channel. */
  notified(channel: string, payload: string): void;
}

/** Rows by the names of their columns. */
export type Rows = readonly Readonly<Record<string, unknown>>[];

/** A command on its way. */
interface Job {
  readonly text: string;
  readonly values: unknown[] | undefined;
  readonly deferred: Deferred<Rows>;
}

/** A connection, until it is lost. Another one begins with another client. */
export class Link {
  readonly #client: PostgresClient;
  readonly #timeout: number;
  readonly #owner: LinkOwner;
  readonly #opened = newDeferred<void>();
  readonly #ended = newDeferred<void>();
  /** Those that wait for the one that is under way: whoever asks for many gathers them, so that there are a few. */
  readonly #jobs = new Fifo<Job>();
  #running: Job | undefined;
  /** "opening"; "idle", and asked now and then whether it is there; "asking" while a job is under way; "over". */
  #state: "opening" | "idle" | "asking" | "over" = "opening";
  /** When the answer is overdue; while it is idle, when it is asked. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param timeout Milliseconds until an answer is overdue. */
  constructor(client: PostgresClient, timeout: number, owner: LinkOwner) {
    this.#client = client;
    this.#timeout = timeout;
    this.#owner = owner;
  }

  /** Connects. Rejects where it is lost meanwhile. */
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
   * Gives a command to PostgreSQL, behind those that were given before.
   *
   * @returns Rejects with what PostgreSQL says against it, or with `BackplaneError` `DOWN` where the connection is lost.
   */
  query(text: string, values?: unknown[]): Promise<Rows> {
    const deferred = newDeferred<Rows>();
    if (this.#state === "over") deferred.reject(new BackplaneError("DOWN"));
    else this.#jobs.push({ text, values, deferred });
    if (this.#state === "idle") this.#next();
    return deferred.promise;
  }

  /** Ends it, and waits until PostgreSQL has let it go. */
  async end(): Promise<void> {
    if (this.#state === "over") return;
    this.#finish(new BackplaneError("DOWN"));
    await Promise.race([Promise.allSettled([this.#client.end()]), this.#ended.promise]);
  }

  /** Drops it at once. */
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

  /** @param reason What `open` rejects with. */
  #finish(error: BackplaneError, reason: unknown = error): void {
    this.#state = "over";
    clearTimeout(this.#timer);
    this.#opened.reject(reason);
    this.#running?.deferred.reject(error);
    for (const { deferred } of this.#jobs.takeAll()) deferred.reject(error);
  }
}
