/**
 * Publishes to PostgreSQL by one command at a time. A command has what was published while the one before it was under way.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import { Fifo } from "../../src/fifo.ts";
import type { Link } from "./link.ts";
import { byRow, inline, mostInline } from "./payload.ts";
import type { MessageRows } from "./rows.ts";

/** The most notifications of one command, and the most bytes of their envelopes. */
const mostAtOnce = 1000;
const mostBytesAtOnce = 262_144;

interface Publication {
  readonly channel: string;
  readonly envelope: Uint8Array;
  readonly deferred: Deferred<void>;
}

/**
 * Publishes over one connection, in order. The server limits how much waits here: it counts what it has given and is not
 * answered.
 */
export class Publisher {
  readonly #link: Link;
  readonly #rows: MessageRows;
  readonly #waiting = new Fifo<Publication>();
  #sending: Promise<void> | undefined;

  constructor(link: Link, rows: MessageRows) {
    this.#link = link;
    this.#rows = rows;
  }

  /** Publishes a message. Resolves when PostgreSQL has it. */
  publish(channel: string, envelope: Uint8Array): Promise<void> {
    const deferred = newDeferred<void>();
    this.#waiting.push({ channel, envelope, deferred });
    this.#sending ??= this.#send();
    return deferred.promise;
  }

  /** Resolves when nothing is under way. */
  async flush(): Promise<void> {
    await this.#sending;
  }

  /** Never rejects. If the connection is lost, each command rejects at once, and so do its publications. */
  async #send(): Promise<void> {
    // Messages that are published in the same turn of the event loop go into the first command.
    await undefined;
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#give(batch);
        for (const { deferred } of batch) deferred.resolve();
      } catch (error) {
        for (const { deferred } of batch) deferred.reject(error);
      }
    }
    this.#sending = undefined;
  }

  /** Takes the publications of the next command. A large one goes alone, so that no other fails if PostgreSQL refuses it. */
  #takeBatch(): readonly Publication[] {
    const batch = [this.#waiting.shift()!];
    let bytes = batch[0]!.envelope.length;
    if (bytes > mostInline) return batch;
    while (batch.length < mostAtOnce) {
      const next = this.#waiting.first;
      if (next === undefined || next.envelope.length > mostInline) break;
      bytes += next.envelope.length;
      if (bytes > mostBytesAtOnce) break;
      batch.push(this.#waiting.shift()!);
    }
    return batch;
  }

  async #give(batch: readonly Publication[]): Promise<void> {
    const [{ channel, envelope }] = batch as [Publication];
    if (envelope.length > mostInline) {
      await this.#rows.publish(this.#link, channel, byRow, envelope);
      return;
    }
    // PostgreSQL sends a transaction's notifications in order, when it commits. It would send two equal ones once; those of
    // framewire are never equal.
    const text = "SELECT count(pg_notify(c, p)) FROM unnest($1::text[], $2::text[]) AS t (c, p)";
    const channels = batch.map((one) => one.channel);
    const payloads = batch.map((one) => inline + base64(one.envelope));
    await this.#link.query(text, [channels, payloads]);
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
