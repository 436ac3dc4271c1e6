/**
 * The body of a plain request on its way from the transport to the hook that reads it.
 *
 * @module
 */

import { noBytes } from "../../bytes.ts";
import { BoundedBuffer } from "../../extension/bounded-buffer.ts";
import { LimitError } from "../../errors.ts";
import { BodyDecoder, type BodyFraming } from "../../http/body.ts";
import { Incoming } from "../receive/incoming.ts";
import { Unread, type UnreadEvents } from "../receive/unread.ts";

/** Bytes that may be unread before the peer is held back. */
const highWaterMark = 64 * 1024;

/** Who is told of a body. */
export interface RequestBodyEvents extends UnreadEvents {
  /** Somebody begins to read a body that has not come whole. */
  onWanted(): void;
}

/** A body that comes piece by piece. */
export class RequestBody {
  readonly #decoder: BodyDecoder;
  /** Made when there is something in it, or somebody reads it: most requests have no body, and cost nothing for it. */
  #incoming: Incoming | undefined;
  readonly #events: RequestBodyEvents;
  readonly #limit: number;
  #gathered: BoundedBuffer | undefined;
  #isWanted = false;

  /**
   * Begins with nothing of it.
   *
   * @param limit Bytes that it may have.
   * @throws {LimitError} `BODY_TOO_LARGE`: its length says so.
   */
  constructor(framing: BodyFraming, limit: number, events: RequestBodyEvents) {
    this.#decoder = new BodyDecoder(framing, limit);
    this.#events = events;
    this.#limit = limit;
    if (!this.isComplete) this.#begin();
  }

  /** Whether it has come whole. */
  get isComplete(): boolean {
    return this.#decoder.isComplete;
  }

  /** Whether there is none. */
  get isEmpty(): boolean {
    return this.isComplete && this.received === 0;
  }

  /** Bytes of it that have come. */
  get received(): number {
    return this.#decoder.received;
  }

  /**
   * Takes bytes of the stream, copied.
   *
   * @returns Index behind the last one that is the body's.
   * @throws As {@link BodyDecoder.feed}; the hook that reads is told the same.
   */
  feed(chunk: Uint8Array, start: number): number {
    if (this.isComplete) return start;
    // What came at once becomes one piece, into however many chunks the peer has cut it.
    const gathered = (this.#gathered ??= new BoundedBuffer());
    const incoming = this.#begin();
    const end = this.#decoder.feed(chunk, start, (bytes, from, to) => {
      gathered.add(bytes, from, to);
    });
    if (gathered.size > 0) {
      incoming.add(gathered.bytes, 0, gathered.size);
      gathered.reset(Infinity);
    }
    if (this.isComplete) incoming.complete();
    return end;
  }

  /** The rest will not come. */
  fail(reason: unknown): void {
    this.#incoming?.fail(reason);
  }

  /** The request is answered: what was not read is dropped, whatever of it comes, and who reads on is told so. */
  answered(): void {
    this.#incoming?.miss(newMissedError);
  }

  /** Gives it piece by piece. */
  pieces(): Incoming {
    if (!this.#isWanted) {
      this.#isWanted = true;
      if (!this.isComplete) this.#events.onWanted();
    }
    return this.#begin();
  }

  #begin(): Incoming {
    if (this.#incoming === undefined) {
      this.#incoming = new Incoming(false, new Unread(this.#events, highWaterMark));
      if (this.isComplete) this.#incoming.complete();
    }
    return this.#incoming;
  }

  /** Gathers the rest of it. @throws {LimitError} `BODY_TOO_LARGE` */
  async bytes(limit: number): Promise<Uint8Array> {
    const buffer = new BoundedBuffer();
    for await (const piece of this.pieces()) {
      buffer.add(piece as Uint8Array, 0, piece.length);
      if (buffer.size > limit) {
        throw new LimitError("BODY_TOO_LARGE", Math.min(limit, this.#limit), buffer.size);
      }
    }
    return buffer.size === 0 ? noBytes : buffer.take();
  }
}

function newMissedError(): TypeError {
  return new TypeError("The request has been answered: what was not read of its body is gone");
}
