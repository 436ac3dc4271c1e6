/**
 * What one WebSocket sends: messages, fragments, Blobs, control frames and encoded frames, in the order of the calls.
 *
 * Theory of operation. As a rule a call goes to the connection's outbox at once. A Blob has to be read first: it and all calls
 * behind it wait in a list, in their order. When its bytes have come, the calls run up to the next Blob. `terminate`, or a Blob
 * that cannot be read, drops the list and calls the callbacks with an error.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import { type Connection, linkOf } from "../../src/connection/connection.ts";
import type { ConnectionLink } from "../../src/connection/connection-link.ts";
import type { SentCallback } from "../../src/connection/send/prepare.ts";
import { prepareFrames } from "../../src/connection/send/prepare-frames.ts";
import type { PreparedMessage } from "../../src/endpoint/prepared.ts";
import type { StreamedMessage } from "../../src/endpoint/streamed-message.ts";
import { OpBinary, OpText } from "../../src/frame/opcode.ts";
import type { BlobLike } from "../../src/connection/data.ts";
import { isBlob } from "../blob.ts";
import { bytesOf, noBuffer, sizeOf } from "./data.ts";
import type { SendCallback, SendOptions } from "./types.ts";

/** The largest payload of a control frame (RFC 6455, 5.5). */
const largestControl = 125;

/** Messages of encoded frames, by the list that contains them: as a rule many connections get the same list. */
const preparedLists = new WeakMap<readonly Uint8Array[], PreparedMessage | "none">();

/** Gives the message that the frames form; undefined if they are something else, such as control frames or compressed ones. */
function messageOf(frames: readonly Uint8Array[]): PreparedMessage | undefined {
  let message = preparedLists.get(frames);
  if (message === undefined) {
    try {
      message = prepareFrames(frames);
    } catch {
      message = "none";
    }
    preparedLists.set(frames, message);
  }
  return message === "none" ? undefined : message;
}

/** Makes an error of a callback uncaught, as it would be in a socket's own callback. */
function sentBy(callback: SendCallback): SentCallback {
  return (error) => {
    try {
      callback(error);
    } catch (thrown) {
      process.nextTick(() => {
        throw thrown;
      });
    }
  };
}

/** A Blob whose bytes were requested, or a call that waits behind it. */
interface Waiting {
  run(): void;
  readonly callback: SendCallback | undefined;
}

/** Called if the bytes of a Blob cannot be read, after the connection was dropped. */
export type OnBlobFailed<Context> = (connection: Connection<Context>, error: Error) => void;

/** Sends everything that one WebSocket is given to send, over its connection. */
export class Outgoing<Context = unknown> {
  readonly #connection: Connection<Context>;
  readonly #link: ConnectionLink;
  readonly #onFailed: OnBlobFailed<Context>;
  /** The message in fragments that is not complete. */
  #fragments: StreamedMessage | undefined;
  /** The Blob whose bytes were requested, and the calls that wait behind it; undefined if there is none. */
  #waiting: Waiting[] | undefined;
  /** Whether the close frame waits there, too. */
  #isClosing = false;
  /** Bytes of Blobs that were requested. */
  #blobBytes = 0;

  /** @param onFailed One function for all connections: each closure would take 100 bytes of an idle one. */
  constructor(connection: Connection<Context>, onFailed: OnBlobFailed<Context>) {
    this.#connection = connection;
    this.#link = linkOf(connection as Connection);
    this.#onFailed = onFailed;
  }

  /** Whether {@link close} was called; its frame may still wait. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Bytes that the operating system has not taken yet. */
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

  /** Sends a ping or a pong. @throws {RangeError} `data` has more than 125 bytes. */
  control(kind: "ping" | "pong", data: unknown, callback: SendCallback | undefined): void {
    if (sizeOf(data) > largestControl) {
      throw new RangeError("The data size must not be greater than 125 bytes");
    }
    if (this.#waiting !== undefined || isBlob(data)) {
      this.#enqueue(
        data,
        (bytes) => {
          this.#controlNow(kind, bytes, callback);
        },
        callback,
      );
      return;
    }
    this.#controlNow(kind, data, callback);
  }

  /** Begins the closing handshake behind everything that was sent. @param status 1005 for an empty close frame. */
  close(status: number, reason: string): void {
    this.#isClosing = true;
    const run = (): void => void this.#connection.close(status, reason);
    if (this.#waiting === undefined) run();
    else this.#waiting.push({ run, callback: undefined });
  }

  /** Drops the connection. Bytes that were sent before still leave as far as the operating system takes them at once. */
  terminate(): void {
    this.#drop(new Error("The socket was closed while the blob was being read"));
    this.#connection.terminate();
  }

  /** Sends encoded frames: a message in its place among the others, other frames as they are. */
  sendFrames(frames: readonly Uint8Array[], callback: SendCallback | undefined): void {
    const onSent = callback && sentBy(callback);
    const { outbox } = this.#link;
    const message = messageOf(frames);
    if (message === undefined) outbox.sendRaw(frames, onSent);
    else void outbox.send(message, false, false, onSent);
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
    const onSent = callback && sentBy(callback);
    if (isString && !isBinary) {
      void outbox.send(data, compress, false, onSent);
      return;
    }
    const bytes = data === undefined || data === null ? noBuffer : bytesOf(data);
    // The application must make sure that text is UTF-8, as with ws.
    void outbox.send(bytes, compress, !isBinary, onSent);
  }

  #sendFragment(data: unknown, options: SendOptions, callback: SendCallback | undefined): void {
    const { outbox } = this.#link;
    const { fin = true, compress = true, binary = typeof data !== "string" } = options;
    this.#fragments ??= outbox.begin(binary ? OpBinary : OpText, compress);
    const bytes = data === undefined || data === null ? noBuffer : bytesOf(data);
    void outbox.sendPiece(this.#fragments, bytes, fin, callback && sentBy(callback));
    if (fin) this.#fragments = undefined;
  }

  #controlNow(kind: "ping" | "pong", data: unknown, callback: SendCallback | undefined): void {
    const bytes = data === undefined || data === null ? noBuffer : bytesOf(data);
    const onSent = callback && sentBy(callback);
    if (kind === "ping") {
      this.#link.pinged();
      void this.#link.outbox.ping(bytes, onSent);
    } else {
      void this.#link.outbox.pong(bytes, onSent);
    }
  }

  /** Keeps the order of the calls when the bytes of a Blob must be requested. */
  #enqueue(data: unknown, task: (data: unknown) => void, callback: SendCallback | undefined): void {
    const blob = isBlob(data) ? data : undefined;
    // Data behind a Blob is copied, since the caller may change it before it is sent.
    const isOwn = blob !== undefined || typeof data === "string";
    const own = isOwn || data === undefined || data === null ? data : Buffer.from(bytesOf(data));
    const run = blob === undefined ? () => task(own) : () => this.#askFor(blob, task);
    if (blob !== undefined) this.#blobBytes += blob.size;
    const isFirst = this.#waiting === undefined;
    this.#waiting ??= [];
    this.#waiting.push({ run, callback });
    if (isFirst) run();
  }

  #askFor(blob: BlobLike, task: (bytes: ArrayBuffer) => void): void {
    const asked = this.#waiting;
    blob.arrayBuffer().then(
      (bytes) => {
        if (this.#waiting !== asked) return;
        this.#blobBytes -= blob.size;
        task(bytes);
        this.#goOn();
      },
      (error: unknown) => {
        if (this.#waiting !== asked) return;
        this.#drop(error as Error);
        this.#connection.terminate();
        this.#onFailed(this.#connection, error as Error);
      },
    );
    this.#isAsking = true;
  }

  /** Whether the bytes of the first waiting Blob were requested. */
  #isAsking = false;

  /** Goes on after a Blob was sent: it does the waiting calls up to the next Blob. */
  #goOn(): void {
    const waiting = this.#waiting!;
    do {
      waiting.shift();
      this.#isAsking = false;
      waiting[0]?.run();
    } while (waiting.length > 0 && !this.#isAsking);
    if (waiting.length === 0) this.#waiting = undefined;
  }

  /** Drops everything that waits, and calls each callback with the error. */
  #drop(error: Error): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#blobBytes = 0;
    for (const { callback } of waiting) {
      if (callback !== undefined) process.nextTick(callback, error);
    }
  }
}
