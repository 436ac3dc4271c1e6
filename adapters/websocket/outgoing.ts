/**
 * Sends the messages of one WebSocket in their order: at once, or, behind a Blob, when the Blob's bytes have come.
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

/** A Blob, or a message that waits behind one. */
interface Waiting {
  readonly size: number;
  /** undefined until the Blob's bytes have come. */
  data: string | Uint8Array | undefined;
}

/** The content of a close frame; a status of 0 stands for none. */
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

  /** Begins to send: the connection is there. */
  begin(link: ConnectionLink): void {
    this.#link = link;
    this.#buffered.begin(link.endpoint);
  }

  /** Sends a message. @param isOpen Whether the connection is open; if not, the message is only counted. */
  send(data: Sendable, isOpen: boolean): void {
    if (!isOpen) this.#buffered.addApart(sizeOf(data));
    else if (isBlob(data)) this.#sendBlob(data);
    else if (this.#waiting === undefined) this.#give(data);
    else {
      // The caller may change its bytes after this call.
      const own = typeof data === "string" ? data : copyOf(data, 0, data.length);
      this.#wait({ size: sizeOf(data), data: own });
    }
  }

  /** Begins the closing handshake, behind everything that was sent. */
  close(frame: CloseFrame): void {
    if (this.#waiting === undefined) this.#link?.close(frame.status, frame.reason);
    else this.#close = frame;
  }

  /** Ends the count: the connection is over. @param isClean Whether close frames went both ways. */
  end(isClean: boolean): void {
    this.#buffered.end(isClean);
    this.#link = undefined;
    this.#waiting = undefined;
  }

  #give(data: string | Uint8Array): void {
    const { endpoint, outbox } = this.#link!;
    const { payload } = endpoint.sent;
    // The rejection is not used: the end of the connection tells the same.
    void outbox.send(data, true);
    const counted = endpoint.sent.payload - payload;
    // The endpoint counts a message that waits, behind one that is compressed in slices, only when its turn comes.
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

  /** Sends the waiting messages up to the first Blob whose bytes have not come. */
  #goOn(): void {
    // If the peer has closed meanwhile, the waiting messages stay counted and are not sent.
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

/** Gives the number of bytes of a message. */
function sizeOf(data: Sendable): number {
  if (typeof data === "string") return encodeUtf8(data).length;
  return isBlob(data) ? data.size : data.length;
}
