/**
 * The table for messages that are too large for a notification. Each message is a row. The notification has the row's id, by
 * which the other servers read it. After a time the row is deleted.
 *
 * The table is made when the first large message finds none, also after somebody has dropped it. Without large messages none is
 * needed.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { clearTimeout, setTimeout } from "node:timers";
import { codeOf, undefinedTable } from "./client.ts";
import type { Link } from "./link.ts";

/** If two servers make the table at the same time, PostgreSQL refuses one of them with one of these codes. */
const madeByAnother = /^(?:23505|42P07|42710)$/;

/** Keeps and deletes rows for one server, and reads rows of the others. */
export class MessageRows {
  /** The name of the table as SQL takes it. */
  readonly #table: string;
  readonly #time: number;
  readonly #node: string;
  #kept = 0;
  /** The connection by which rows are deleted. */
  #link: Link | undefined;
  /** Set while there may be rows to delete. */
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param table The name of the table as SQL takes it.
   * @param time How many milliseconds a row is kept.
   * @param node The server's id: 32 hexadecimal digits.
   */
  constructor(table: string, time: number, node: string) {
    this.#table = table;
    this.#time = time;
    this.#node = node;
  }

  /** Sets the connection by which rows are deleted from now on. */
  deleteBy(link: Link): void {
    this.#link = link;
  }

  /** Tells whether this server has kept the row with an id. */
  isOwn(id: string): boolean {
    return id.startsWith(this.#node);
  }

  /** Tells whether a text has the form of a row's id. */
  isId(text: string): boolean {
    return /^[\da-f]{32}\.\d{1,16}$/.test(text);
  }

  /** Keeps an envelope in a row, and notifies a channel of it, in one step. @param mark The mark in front of the row's id. */
  async publish(link: Link, channel: string, mark: string, envelope: Uint8Array): Promise<void> {
    // Each attempt has a new id: if the answer to an earlier one was lost, that row may exist.
    const id = `${this.#node}.${++this.#kept}`;
    const text = `WITH kept AS (INSERT INTO ${this.#table} (id, envelope) VALUES ($1, $2)) SELECT pg_notify($3, $4)`;
    const bytes = Buffer.from(envelope.buffer, envelope.byteOffset, envelope.length);
    const values = [id, bytes, channel, mark + id];
    try {
      await link.query(text, values);
    } catch (error) {
      if (codeOf(error) !== undefinedTable) throw error;
      await this.#make(link);
      await link.query(text, values);
    } finally {
      // Not before: a deletion that finds no table yet would be the last one. Also where the answer is lost, since the row may be
      // there.
      if (this.#link !== undefined) this.#timer ??= setTimeout(this.#clean, this.#time);
    }
  }

  /** Gives the envelope of a row; undefined if the row is deleted. Rejects if it cannot be read. */
  async read(link: Link, id: string): Promise<Uint8Array | undefined> {
    // As text, since the application may have set how its client gives bytes.
    const text = `SELECT encode(envelope, 'base64') AS envelope FROM ${this.#table} WHERE id = $1`;
    const [row] = await link.query(text, [id]);
    return row === undefined ? undefined : Buffer.from(String(row["envelope"]), "base64");
  }

  /** Stops deleting rows. */
  stop(): void {
    this.#link = undefined;
    clearTimeout(this.#timer);
  }

  async #make(link: Link): Promise<void> {
    try {
      // Unlogged: a crash of PostgreSQL loses the notifications, too; and to write each row to the log as well would take twice
      // as long.
      await link.query(
        `CREATE UNLOGGED TABLE IF NOT EXISTS ${this.#table}
          (id text PRIMARY KEY, kept timestamptz NOT NULL DEFAULT now(), envelope bytea NOT NULL)`,
      );
    } catch (error) {
      if (!madeByAnother.test(codeOf(error) ?? "")) throw error;
    }
  }

  /** Deletes rows that are too old, also those of servers that have died. Comes again until no row is left. */
  readonly #clean = async (): Promise<void> => {
    const isOld = "kept < now() - $1 * interval '1 millisecond'";
    const text = `WITH gone AS (DELETE FROM ${this.#table} WHERE ${isOld})
      SELECT EXISTS (SELECT FROM ${this.#table} WHERE NOT ${isOld}) AS are_left`;
    let areLeft: boolean;
    try {
      const [row] = await this.#link!.query(text, [this.#time]);
      areLeft = row!["are_left"] === true;
    } catch (error) {
      // Without a table there is nothing to delete. Any other error may be over the next time.
      areLeft = codeOf(error) !== undefinedTable;
    }
    this.#timer = undefined;
    if (areLeft && this.#link !== undefined) this.#timer = setTimeout(this.#clean, this.#time);
  };
}
