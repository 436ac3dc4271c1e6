/**
 * What goes to PostgreSQL: one command at a time, each with all that was published while the one before it was under way.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type Deferred, newDeferred } from "../../src/deferred.ts";
import { Fifo } from "../../src/fifo.ts";
import type { Link } from "./link.ts";
import { byRow, inline, mostInline } from "./payload.ts";
import type { MessageRows } from "./rows.ts";

/** Notifications of one command, and bytes of their envelopes. */
const mostAtOnce = 1000;
const mostBytesAtOnce = 262_144;

interface Publication {
  readonly channel: string;
  readonly envelope: Uint8Array;
  readonly deferred: Deferred<void>;
}

/** Publishes by one connection, in order. What waits is bounded by the server, which counts what it has given. */
export class Publisher {
  readonly #link: Link;
  readonly #rows: MessageRows;
  readonly #waiting = new Fifo<Publication>();
  #sending: Promise<void> | undefined;

  constructor(link: Link, rows: MessageRows) {
    this.#link = link;
    this.#rows = rows;
  }

  /** Publishes; resolves when PostgreSQL has it. */
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

  /** Never rejects. Where the connection is lost, each command says so at once. */
  async #send(): Promise<void> {
    // What is published in the same turn goes with the first.
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

  /** A large one goes alone, so that what is refused of it concerns no other. */
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
    // A transaction's notifications come in its order, and are told at its end; of two that are the same PostgreSQL keeps one, and
    // those of framewire never are.
    const text = "SELECT count(pg_notify(c, p)) FROM unnest($1::text[], $2::text[]) AS t (c, p)";
    const channels = batch.map((one) => one.channel);
    const payloads = batch.map((one) => inline + base64(one.envelope));
    await this.#link.query(text, [channels, payloads]);
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
}
