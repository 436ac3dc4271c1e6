/**
 * The body of a plain request, between the transport and the hook that reads it.
 *
 * @module
 */

import { noBytes } from "../../bytes.ts";
import { BoundedBuffer } from "../../extension/bounded-buffer.ts";
import { LimitError } from "../../errors.ts";
import { BodyDecoder, type BodyFraming } from "../../http/body.ts";
import { Incoming } from "../receive/incoming.ts";
import { Unread, type UnreadEvents } from "../receive/unread.ts";

/** Number of unread bytes beyond which framewire stops reading. */
const highWaterMark = 64 * 1024;

/** The receiver of a body's events. */
export interface RequestBodyEvents extends UnreadEvents {
  /** The hook begins to read a body that has not come completely. */
  onWanted(): void;
}

/** A body that arrives piece by piece. */
export class RequestBody {
  readonly #decoder: BodyDecoder;
  /** Made when a piece comes or the hook reads. Most requests have no body, and need none. */
  #incoming: Incoming | undefined;
  readonly #events: RequestBodyEvents;
  readonly #limit: number;
  #gathered: BoundedBuffer | undefined;
  #isWanted = false;

  /**
   * Starts with an empty body.
   *
   * @param limit Most bytes that the body may have.
   * @throws {LimitError} `BODY_TOO_LARGE`: its declared length is larger.
   */
  constructor(framing: BodyFraming, limit: number, events: RequestBodyEvents) {
    this.#decoder = new BodyDecoder(framing, limit);
    this.#events = events;
    this.#limit = limit;
    if (!this.isComplete) this.#begin();
  }

  /** Whether the whole body has come. */
  get isComplete(): boolean {
    return this.#decoder.isComplete;
  }

  /** Whether there is no body. */
  get isEmpty(): boolean {
    return this.isComplete && this.received === 0;
  }

  /** Number of bytes that have come. */
  get received(): number {
    return this.#decoder.received;
  }

  /**
   * Takes bytes of the stream and copies them.
   *
   * @returns Index after the last byte of the body.
   * @throws As {@link BodyDecoder.feed}. The hook's reading fails with the same error.
   */
  feed(chunk: Uint8Array, start: number): number {
    if (this.isComplete) return start;
    // The bytes of one chunk become one piece, even if the peer sent them in several chunks of the coding.
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

  /** The rest of the body will not come. */
  fail(reason: unknown): void {
    this.#incoming?.fail(reason);
  }

  /** The request is answered. Unread bytes are dropped, and a hook that reads on gets an error. */
  answered(): void {
    this.#incoming?.miss(newMissedError);
  }

  /** Gives the body piece by piece. */
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

  /** Gathers the rest of the body. @throws {LimitError} `BODY_TOO_LARGE` */
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
