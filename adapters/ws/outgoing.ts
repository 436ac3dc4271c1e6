/**
 * What one WebSocket sends: messages, fragments, Blobs, control frames and encoded frames, in the order of the calls.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type Connection, linkOf } from "../../src/connection/connection.ts";
import type { Link } from "../../src/connection/link.ts";
import type { StreamedMessage } from "../../src/endpoint/streamed-message.ts";
import { OpBinary, OpText } from "../../src/frame/opcode.ts";
import { bytesOf, isBlob, noBuffer } from "./data.ts";
import type { SendCallback, SendOptions } from "./types.ts";

/** The largest payload of a control frame (RFC 6455, 5.5). */
const largestControl = 125;

/** Sends what a WebSocket is told to send, over its connection. */
export class Outgoing {
  readonly #connection: Connection<unknown>;
  /** The message whose last fragment is still to come. */
  #fragments: StreamedMessage | undefined;
  /** What waits behind a Blob whose bytes were asked for; undefined where nothing does. */
  #waiting: (() => void)[] | undefined;
  /** Bytes of Blobs that were asked for. */
  #blobBytes = 0;

  constructor(connection: Connection<unknown>) {
    this.#connection = connection;
  }

  get #link(): Link {
    return linkOf(this.#connection as Connection) as Link;
  }

  /** Bytes that are not with the operating system yet. */
  get unsent(): number {
    return this.#connection.bufferedAmount + this.#blobBytes;
  }

  /** Sends a message, or a fragment of one. */
  send(data: unknown, options: SendOptions | undefined, callback: SendCallback | undefined): void {
    if (this.#waiting !== undefined || isBlob(data)) {
      this.#enqueue(
        data,
        (bytes) => {
          this.#sendNow(bytes, options, callback);
        },
        callback,
      );
      return;
    }
    this.#sendNow(data, options, callback);
  }

  /** Sends a ping or a pong. @throws {RangeError} It has more than 125 bytes. */
  control(kind: "ping" | "pong", data: unknown, callback: SendCallback | undefined): void {
    if (this.#waiting !== undefined || isBlob(data)) {
      this.#enqueue(
        data,
        (bytes) => {
          this.#controlNow(kind, bytesOf(bytes), callback);
        },
        callback,
      );
      return;
    }
    this.#controlNow(
      kind,
      data === undefined || data === null ? noBuffer : bytesOf(data),
      callback,
    );
  }

  /** Begins the closing handshake behind what was sent before. @param status 1005 for an empty close frame. */
  close(status: number, reason: string): void {
    if (this.#waiting === undefined) void this.#connection.close(status, reason);
    else this.#waiting.push(() => void this.#connection.close(status, reason));
  }

  /** Drops the connection, behind what the operating system takes at once of what was sent before. */
  terminate(): void {
    this.#waiting = undefined;
    this.#link.flusher.flush();
    this.#connection.terminate();
  }

  /** Sends encoded frames. */
  sendFrames(frames: readonly Uint8Array[], callback: SendCallback | undefined): void {
    const { endpoint, flusher } = this.#link;
    for (const frame of frames) endpoint.output.addRaw(frame);
    flusher.flushSoon();
    this.#tell(flusher.whenSent(), callback);
  }

  #sendNow(
    data: unknown,
    options: SendOptions | undefined,
    callback: SendCallback | undefined,
  ): void {
    if (options !== undefined && (options.fin === false || this.#fragments !== undefined)) {
      this.#sendFragment(data, options, callback);
      return;
    }
    if (this.#fragments !== undefined) {
      this.#sendFragment(data, {}, callback);
      return;
    }
    const { outbox } = this.#link;
    const compress = options?.compress !== false;
    const isString = typeof data === "string";
    const isBinary = options?.binary ?? !isString;
    let promise: Promise<void>;
    if (isString && !isBinary) {
      promise = outbox.send(data, compress);
    } else {
      const bytes = data === undefined || data === null ? noBuffer : bytesOf(data);
      // That they are UTF-8 is the application's word, as it is with ws.
      promise = outbox.send(bytes, compress, !isBinary);
    }
    if (callback !== undefined) this.#tell(promise, callback);
  }

  #sendFragment(data: unknown, options: SendOptions, callback: SendCallback | undefined): void {
    const { outbox } = this.#link;
    const { fin = true, compress = true, binary = typeof data !== "string" } = options;
    this.#fragments ??= outbox.begin(binary ? OpBinary : OpText, compress);
    const bytes = data === undefined || data === null ? noBuffer : bytesOf(data);
    const promise = outbox.sendPiece(this.#fragments, bytes, fin);
    if (fin) this.#fragments = undefined;
    this.#tell(promise, callback);
  }

  #controlNow(kind: "ping" | "pong", bytes: Uint8Array, callback: SendCallback | undefined): void {
    if (bytes.length > largestControl) {
      throw new RangeError("The data size must not be greater than 125 bytes");
    }
    const promise = kind === "ping" ? this.#connection.ping(bytes) : this.#connection.pong(bytes);
    this.#tell(promise, callback);
  }

  #tell(promise: Promise<void>, callback: SendCallback | undefined): void {
    if (callback === undefined) return;
    promise.then(
      () => {
        callback();
      },
      (error: unknown) => {
        callback(error as Error);
      },
    );
  }

  /** Keeps the order of the calls where the bytes of one have to be asked for. */
  #enqueue(data: unknown, task: (data: unknown) => void, callback: SendCallback | undefined): void {
    const blob = isBlob(data) ? data : undefined;
    // What is sent behind it may be changed by then.
    const own = blob !== undefined || typeof data === "string" ? data : Buffer.from(bytesOf(data));
    const run = (): void => {
      if (blob === undefined) {
        task(own);
        return;
      }
      blob.arrayBuffer().then(
        (bytes) => {
          this.#blobBytes -= blob.size;
          this.#goOn(() => {
            task(bytes);
          });
        },
        (error: unknown) => {
          this.#blobBytes -= blob.size;
          this.#goOn(() => callback?.(error as Error));
        },
      );
      this.#isAsking = true;
    };
    if (blob !== undefined) this.#blobBytes += blob.size;
    if (this.#waiting === undefined) {
      this.#waiting = [];
      run();
    } else {
      this.#waiting.push(run);
    }
  }

  #isAsking = false;

  /** The bytes of a Blob are there: what waits behind it goes on, up to the next Blob. */
  #goOn(task: () => void): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#isAsking = false;
    task();
    while (!this.#isAsking && waiting.length > 0) waiting.shift()!();
    if (!this.#isAsking) this.#waiting = undefined;
  }
}
