/**
 * What comes from PostgreSQL, in its order: while the row of a large message is read, what has come behind it waits.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { BackplaneMember } from "../../src/connection/backplane/backplane.ts";
import { BackplaneError } from "../../src/errors.ts";
import { Fifo } from "../../src/fifo.ts";
import { byRow, inline } from "./payload.ts";

/** Bytes that may wait, and what each is counted with beside its own. */
const mostWaiting = 16_777_216;
const overhead = 64;

/** Where rows are. */
export interface RowReader {
  isId(text: string): boolean;
  isOwn(id: string): boolean;
  /** Gives an envelope; undefined where it is not there any more. */
  read(id: string): Promise<Uint8Array | undefined>;
}

interface Arrival {
  readonly topic: string;
  readonly payload: string;
}

/** Delivers what one connection is told of. */
export class Arrivals {
  readonly #member: BackplaneMember;
  readonly #rows: RowReader;
  readonly #waiting = new Fifo<Arrival>();
  #bytes = 0;
  /** "through": each is delivered as it comes; "reading" a row; "over" when the connection is. */
  #state: "through" | "reading" | "over" = "through";
  /** Topics of what found no room: told when those in front are delivered. */
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

  /** Delivers nothing any more. */
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
      // Somebody else's, which is for the server to count.
      this.#member.deliver(topic, Buffer.from(payload));
    }
  }

  async #read(topic: string, id: string): Promise<void> {
    this.#state = "reading";
    let envelope: Uint8Array | undefined;
    try {
      envelope = await this.#rows.read(id);
    } catch (error) {
      // Where the connection is lost, all of them are.
      if (error instanceof BackplaneError) return;
    }
    if ((this.#state as string) === "over") return;
    if (envelope === undefined) this.#member.gap([topic]);
    else this.#member.deliver(topic, envelope);
    this.#goOn();
  }

  /** Delivers what has waited, up to the next row. */
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
