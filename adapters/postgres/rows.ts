/**
 * The table for messages that are too large for a notification: each is a row, which is read by those who are told of it, and deleted
 * after a time.
 *
 * The table is made when it is missed, and so again when somebody has dropped it: who publishes nothing large needs none.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { clearTimeout, setTimeout } from "node:timers";
import { codeOf, undefinedTable } from "./client.ts";
import type { Link } from "./link.ts";

/** Two that make the table at once: PostgreSQL tells one of them that its name is taken, in one of these ways. */
const madeByAnother = /^(?:23505|42P07|42710)$/;

/** Rows of one server, and of others to be read. */
export class MessageRows {
  /** The table, as SQL spells it. */
  readonly #table: string;
  readonly #time: number;
  readonly #node: string;
  #kept = 0;
  /** Deletes rows. */
  #link: Link | undefined;
  /** Set while there may be rows. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param table As SQL spells it.
   * @param time Milliseconds that a row is kept.
   * @param node 32 hexadecimal digits, no other server's.
   */
  constructor(table: string, time: number, node: string) {
    this.#table = table;
    this.#time = time;
    this.#node = node;
  }

  /** Takes the connection by which rows are deleted from now on. */
  deleteBy(link: Link): void {
    this.#link = link;
  }

  /** Tells whether somebody here has kept a row. */
  isOwn(id: string): boolean {
    return id.startsWith(this.#node);
  }

  /** Tells whether something may be a row's id. */
  isId(text: string): boolean {
    return /^[\da-f]{32}\.\d{1,16}$/.test(text);
  }

  /** Keeps an envelope, and tells a channel of it, both or neither. @param mark What is in front of the row's id. */
  async publish(link: Link, channel: string, mark: string, envelope: Uint8Array): Promise<void> {
    // Another one at each attempt, so that one whose answer was lost is in nobody's way.
    const id = `${this.#node}.${++this.#kept}`;
    const text = `WITH kept AS (INSERT INTO ${this.#table} (id, envelope) VALUES ($1, $2)) SELECT pg_notify($3, $4)`;
    const bytes = Buffer.from(envelope.buffer, envelope.byteOffset, envelope.length);
    const values = [id, bytes, channel, mark + id];
    if (this.#link !== undefined) this.#timer ??= setTimeout(this.#clean, this.#time);
    try {
      await link.query(text, values);
    } catch (error) {
      if (codeOf(error) !== undefinedTable) throw error;
      await this.#make(link);
      await link.query(text, values);
    }
  }

  /** Gives an envelope; undefined where it is not there any more. Rejects where it cannot be read. */
  async read(link: Link, id: string): Promise<Uint8Array | undefined> {
    // As text, since how a client gives bytes is its application's choice.
    const text = `SELECT encode(envelope, 'base64') AS envelope FROM ${this.#table} WHERE id = $1`;
    const [row] = await link.query(text, [id]);
    return row === undefined ? undefined : Buffer.from(String(row["envelope"]), "base64");
  }

  /** Deletes nothing any more. */
  stop(): void {
    this.#link = undefined;
    clearTimeout(this.#timer);
  }

  async #make(link: Link): Promise<void> {
    try {
      // Unlogged: a crash of PostgreSQL loses notifications, too, and what is written twice takes twice as long.
      await link.query(
        `CREATE UNLOGGED TABLE IF NOT EXISTS ${this.#table}
          (id text PRIMARY KEY, kept timestamptz NOT NULL DEFAULT now(), envelope bytea NOT NULL)`,
      );
    } catch (error) {
      if (!madeByAnother.test(codeOf(error) ?? "")) throw error;
    }
  }

  /** Deletes the rows that are too old, those of servers that have died among them, until none is left. */
  readonly #clean = async (): Promise<void> => {
    const isOld = "kept < now() - $1 * interval '1 millisecond'";
    const text = `WITH gone AS (DELETE FROM ${this.#table} WHERE ${isOld})
      SELECT EXISTS (SELECT FROM ${this.#table} WHERE NOT ${isOld}) AS are_left`;
    let areLeft: boolean;
    try {
      const [row] = await this.#link!.query(text, [this.#time]);
      areLeft = row!["are_left"] === true;
    } catch (error) {
      // Without a table there is nothing to delete; whatever else it is may be over the next time.
      areLeft = codeOf(error) !== undefinedTable;
    }
    this.#timer = undefined;
    if (areLeft && this.#link !== undefined) this.#timer = setTimeout(this.#clean, this.#time);
  };
}
