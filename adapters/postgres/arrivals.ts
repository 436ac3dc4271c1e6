/**
 * Delivers what comes from PostgreSQL, in order. While the row of a large message is read, later messages wait.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { BackplaneMember } from "../../src/connection/backplane/backplane.ts";
import { BackplaneError } from "../../src/errors.ts";
import { Fifo } from "../../src/fifo.ts";
import { byRow, inline } from "./payload.ts";

/** The most bytes that may wait, and the bytes that are counted for each message beside its own. */
const mostWaiting = 16_777_216;
const overhead = 64;

/** Reads rows. */
export interface RowReader {
  isId(text: string): boolean;
  isOwn(id: string): boolean;
  /** Gives the envelope of a row; undefined if the row is deleted. */
  read(id: string): Promise<Uint8Array | undefined>;
}

interface Arrival {
  readonly topic: string;
  readonly payload: string;
}

/** Delivers what the notifications of one connection report. */
export class Arrivals {
  readonly #member: BackplaneMember;
  readonly #rows: RowReader;
  readonly #waiting = new Fifo<Arrival>();
  #bytes = 0;
  /** "through": each message is delivered when it comes; "reading" a row; "over" when the connection is. */
  #state: "through" | "reading" | "over" = "through";
  /** Topics of messages that found no room. The gap is reported when the messages in front are delivered. */
  readonly #lost = new Set<string>();

  constructor(member: BackplaneMember, rows: RowReader) {
    this.#member = member;
    this.#rows = rows;
  }

  /** Takes a notification of a topic. */
  take(topic: string, payload: string): void {
    if (this.#state === "through") {
      this.#deliver(topic, payload);
    } else if (this.#bytes + payload.length + overhead > mostWaiting) {
      this.#lost.add(topic);
    } else {
      this.#bytes += payload.length + overhead;
      this.#waiting.push({ topic, payload });
    }
  }

  /** Stops delivery. */
  stop(): void {
    this.#state = "over";
    this.#waiting.takeAll();
  }

  #deliver(topic: string, payload: string): void {
    const rest = payload.slice(1);
    if (payload.startsWith(inline)) {
      this.#member.deliver(topic, Buffer.from(rest, "base64"));
    } else if (payload.startsWith(byRow) && this.#rows.isId(rest)) {
      if (!this.#rows.isOwn(rest)) void this.#read(topic, rest);
    } else {
      // This is not framewire's: the server drops and counts it.
      this.#member.deliver(topic, Buffer.from(payload));
    }
  }

  async #read(topic: string, id: string): Promise<void> {
    this.#state = "reading";
    let envelope: Uint8Array | undefined;
    try {
      envelope = await this.#rows.read(id);
    } catch (error) {
      // The connection is lost, and all that waits with it.
      if (error instanceof BackplaneError) return;
    }
    if ((this.#state as string) === "over") return;
    if (envelope === undefined) this.#member.gap([topic]);
    else this.#member.deliver(topic, envelope);
    this.#goOn();
  }

  /** Delivers the messages that have waited, up to the next row. */
  #goOn(): void {
    this.#state = "through";
    for (;;) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#bytes -= next.payload.length + overhead;
      this.#deliver(next.topic, next.payload);
      if ((this.#state as string) !== "through") return;
    }
    if (this.#lost.size === 0) return;
    const lost = [...this.#lost];
    this.#lost.clear();
    this.#member.gap(lost);
  }
}
