/**
 * What extensions make of a message's payload, read on demand.
 *
 * Theory of operation. A piece of the payload at a time goes through the transform of the message into a buffer, which knows the
 * limit; the caller gets bytes from there. The next piece is read when the buffer is empty.
 *
 * @module
 */

import { copy } from "../bytes.ts";
import { BoundedBuffer } from "../extension/bounded-buffer.ts";
import { finish, RecvChain } from "../extension/chain.ts";
import type { RecvExtension, Transform } from "../extension/extension.ts";
import type { Header } from "../frame/header.ts";
import type { Awaitable } from "../io/byte-stream.ts";

/** The payload of a message as it comes. */
export interface PayloadSource {
  /** Reads the next bytes of it. Gives 0 at its end. */
  read(into: Uint8Array): Awaitable<number>;
  /** Whether all of it was read. */
  isRead(): boolean;
}

/** Payload bytes that the extensions get in one piece. */
const pieceSize = 4096;

/** Takes the payloads of one reader's messages through its extensions, one message after the other. */
export class TransformedPayload {
  readonly #source: PayloadSource;
  readonly #extensions: RecvChain;
  readonly #maxMessageSize: number;
  /** The transform of the present message; undefined if the extensions leave it as it is. */
  #transform: Transform | undefined;
  readonly #out = new BoundedBuffer();
  /** Bytes of `#out` that the caller has. */
  #given = 0;
  #isDone = true;
  #piece: Uint8Array | undefined;

  constructor(source: PayloadSource, extensions: readonly RecvExtension[], maxMessageSize: number) {
    this.#source = source;
    this.#extensions = new RecvChain(extensions);
    this.#maxMessageSize = maxMessageSize;
  }

  /** Takes the bits of the extensions out of a header. @throws {ProtocolError} An extension does not allow them. */
  unsetBits(header: Header): void {
    this.#extensions.unsetBits(header);
  }

  /** Begins with a message, or with a control frame, which the extensions leave as it is. */
  begin(isControl: boolean): void {
    this.#transform = isControl ? undefined : this.#extensions.beginMessage();
    this.#isDone = this.#transform === undefined;
    this.#given = 0;
    this.#out.reset(this.#maxMessageSize);
  }

  /** Whether the present message goes through an extension. */
  get isActive(): boolean {
    return this.#transform !== undefined;
  }

  /** Whether there is more than was read. */
  get hasMore(): boolean {
    return !this.#isDone || this.#given < this.#out.size;
  }

  /** Reads the next bytes of what the extensions make of the payload. @returns 0 at the end. */
  read(into: Uint8Array): Awaitable<number> {
    while (this.#given === this.#out.size) {
      if (this.#isDone) return 0;
      const done = this.#next();
      if (done instanceof Promise) return this.#readBehind(done, into);
    }
    return this.#give(into);
  }

  async #readBehind(first: Promise<void>, into: Uint8Array): Promise<number> {
    await first;
    while (this.#given === this.#out.size) {
      if (this.#isDone) return 0;
      await this.#next();
    }
    return this.#give(into);
  }

  #give(into: Uint8Array): number {
    const start = this.#given;
    const end = Math.min(this.#out.size, start + into.length);
    copy(into, 0, this.#out.bytes, start, end);
    this.#given = end;
    return end - start;
  }

  /** Drops the rest of the message. The extensions still get all of it, since they may need it for later messages. */
  async discard(): Promise<void> {
    while (!this.#isDone) await this.#next();
    this.#given = this.#out.size;
  }

  /** Passes the next piece of the payload through the extensions. */
  #next(): Awaitable<void> {
    this.#out.clear();
    this.#given = 0;
    this.#piece ??= new Uint8Array(pieceSize);
    const count = this.#source.read(this.#piece);
    return count instanceof Promise
      ? count.then((read) => this.#transformPiece(read))
      : this.#transformPiece(count);
  }

  #transformPiece(count: number): Awaitable<void> {
    // The transform learns of the last piece with that piece, so that a caller that knows the length need not read once more.
    this.#isDone = this.#source.isRead();
    const transform = this.#transform!;
    const out = this.#out;
    return finish(transform, transform.write(this.#piece!, 0, count, this.#isDone, out), out);
  }
}
