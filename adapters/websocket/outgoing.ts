/**
 * What one WebSocket sends, in its order: messages go to the connection at once, and those behind a Blob when its bytes are there.
 *
 * @module
 */

import { copyOf, encodeUtf8 } from "../../src/bytes.ts";
import type { ConnectionLink } from "../../src/connection/connection-link.ts";
import type { BlobLike } from "../../src/connection/data.ts";
import { Fifo } from "../../src/fifo.ts";
import { BufferedAmount } from "./buffered-amount.ts";
import { isBlob } from "../blob.ts";
import type { Sendable } from "./conversions.ts";

/** A Blob, or what waits behind one. */
interface Waiting {
  readonly size: number;
  /** undefined until a Blob's bytes are there. */
  data: string | Uint8Array | undefined;
}

/** What a close frame is to say; a status of 0 stands for none. */
export interface CloseFrame {
  readonly status: number;
  readonly reason: string;
}

/** Sends the messages of one WebSocket, and then its close frame. */
export class Outgoing {
  readonly #buffered = new BufferedAmount();
  #link: ConnectionLink | undefined;
  // Made at the first Blob.
  #waiting: Fifo<Waiting> | undefined;
  #close: CloseFrame | undefined;

  /** Bytes of messages that have not left. */
  get bufferedAmount(): number {
    return this.#buffered.value;
  }

  /** The connection is there. */
  begin(link: ConnectionLink): void {
    this.#link = link;
    this.#buffered.begin(link.endpoint);
  }

  /** Sends a message. @param isOpen Whether anything may be sent; otherwise the message is only counted. */
  send(data: Sendable, isOpen: boolean): void {
    if (!isOpen) this.#buffered.addApart(sizeOf(data));
    else if (isBlob(data)) this.#sendBlob(data);
    else if (this.#waiting === undefined) this.#give(data);
    else {
      // The caller may change its bytes as soon as this returns.
      const own = typeof data === "string" ? data : copyOf(data, 0, data.length);
      this.#wait({ size: sizeOf(data), data: own });
    }
  }

  /** Begins the closing handshake, behind all that was sent. */
  close(frame: CloseFrame): void {
    if (this.#waiting === undefined) this.#link?.close(frame.status, frame.reason);
    else this.#close = frame;
  }

  /** The connection is over. @param isClean Whether close frames went both ways. */
  end(isClean: boolean): void {
    this.#buffered.end(isClean);
    this.#link = undefined;
    this.#waiting = undefined;
  }

  #give(data: string | Uint8Array): void {
    const { endpoint, outbox } = this.#link!;
    const { payload } = endpoint.sent;
    // A rejection says what the end of the connection will say, too.
    void outbox.send(data, true);
    const counted = endpoint.sent.payload - payload;
    // What waits, behind a message that is compressed in slices, is counted when its turn comes.
    this.#buffered.add(counted > 0 ? counted : sizeOf(data));
  }

  #sendBlob(blob: BlobLike): void {
    const entry: Waiting = { size: blob.size, data: undefined };
    this.#wait(entry);
    const bytes = new Promise<ArrayBuffer>((resolve) => {
      resolve(blob.arrayBuffer());
    });
    bytes.then(
      (buffer) => {
        entry.data = new Uint8Array(buffer);
        this.#goOn();
      },
      (error: unknown) => {
        this.#link?.fail(error);
      },
    );
  }

  #wait(entry: Waiting): void {
    this.#waiting ??= new Fifo<Waiting>();
    this.#waiting.push(entry);
    this.#buffered.addApart(entry.size);
  }

  /** Sends what waits, as far as its bytes are there. */
  #goOn(): void {
    // Where the peer has closed meanwhile, what waits stays counted, and is not sent.
    for (
      let next = this.#waiting?.first;
      this.#link?.state === "open";
      next = this.#waiting?.first
    ) {
      if (next === undefined) {
        this.#waiting = undefined;
        if (this.#close !== undefined) this.close(this.#close);
        return;
      }
      if (next.data === undefined) return;
      this.#waiting!.shift();
      this.#buffered.addApart(-next.size);
      this.#give(next.data);
    }
  }
}

/** Gives the bytes of a message. */
function sizeOf(data: Sendable): number {
  if (typeof data === "string") return encodeUtf8(data).length;
  return isBlob(data) ? data.size : data.length;
}
