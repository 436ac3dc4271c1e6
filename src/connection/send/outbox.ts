/**
 * Sends the messages of one connection: decides by the limit and the overflow policy whether a message may be sent now, and gives
 * each sender a promise.
 *
 * Theory of operation. A message passes three parts. The outbox decides whether it fits. The endpoint's queue keeps the order of
 * the messages, and frames them. The flusher writes the frames. If everything fits below the high-water mark, the promise is
 * already resolved. Above the mark the promise is the flusher's, which all such senders share. A message that waits in the queue
 * has a promise of its own (SendWaiter).
 *
 * @module
 */

import { encodeUtf8 } from "../../bytes.ts";
import { type Deferred, newDeferred, rejected } from "../../deferred.ts";
import type { Endpoint } from "../../endpoint/endpoint.ts";
import { PreparedMessage } from "../../endpoint/prepared.ts";
import { both, type Pending, type SendListener } from "../../endpoint/queued.ts";
import type { StreamedMessage } from "../../endpoint/streamed-message.ts";
import { LimitError } from "../../errors.ts";
import { MaxHeaderSize } from "../../frame/header.ts";
import type { Opcode } from "../../frame/opcode.ts";
import type { TextCodec } from "../../frame/text-codec.ts";
import type { WriteBuffer } from "../../endpoint/write-buffer.ts";
import type { TakenListener } from "../../endpoint/write-piece.ts";
import type { ErrorThrower } from "../error-source.ts";
import type { Flusher } from "./flusher.ts";
import type { SentCallback } from "./prepare.ts";
import type { Data } from "../data.ts";
import type { ConnectionSettings } from "../settings.ts";

/** The part of a link that its outbox uses. */
export interface OutboxOwner {
  /** Gives the error with which a send rejects now; undefined if the connection is open. */
  refusal(): unknown;
  /** A message, or a piece of one, was sent. */
  used(): void;
  /** The unsent bytes exceed the limit, and the policy says to end the connection. */
  onOverflow(error: LimitError): void;
  /** A message that was begun cannot be completed, which ends the connection. */
  fail(error: unknown): void;
  /** The application's code has caused a rejection that nobody handled. */
  onUnseen(error: unknown, thrower: ErrorThrower): void;
}

/** Sends the messages of one connection. */
export class Outbox {
  readonly #endpoint: Endpoint;
  readonly #flusher: Flusher;
  readonly #owner: OutboxOwner;
  readonly #settings: ConnectionSettings;
  /** Number of messages that the policy "drop" has dropped. */
  dropped = 0;

  constructor(
    endpoint: Endpoint,
    flusher: Flusher,
    owner: OutboxOwner,
    settings: ConnectionSettings,
  ) {
    this.#endpoint = endpoint;
    this.#flusher = flusher;
    this.#owner = owner;
    this.#settings = settings;
  }

  /** Number of unsent bytes above which the peer is slow. */
  get highWaterMark(): number {
    return this.#settings.highWaterMark;
  }

  /** Number of unsent bytes, including messages that wait for their turn or for room. */
  get unsent(): number {
    return this.#endpoint.output.unsent;
  }

  /** Encodes and decodes text. */
  get codec(): TextCodec {
    return this.#settings.codec;
  }

  /**
   * Sends a message, or does what the overflow policy says.
   *
   * @param isText Whether bytes are the UTF-8 of a text.
   * @param onSent Called when the system has taken the message, or with the error.
   */
  send(
    data: Data | PreparedMessage,
    compress: boolean,
    isText = false,
    onSent?: SentCallback,
  ): Promise<void> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return this.#refuse(refusal, onSent);
    const excess = this.#excess(data);
    if (excess !== undefined) return this.#overflow(data, compress, isText, excess, onSent);
    this.#owner.used();
    this.#giveToEndpoint(data, compress, isText);
    // An extension may have failed with this message, which ends the connection.
    if (this.#endpoint.stage !== "open") return this.#refuse(this.#owner.refusal(), onSent);
    if (onSent !== undefined) this.#watch(onSent);
    this.#flusher.flushSoon();
    return this.#flusher.whenSent();
  }

  /**
   * Sends a ping. A ping that does not fit is rejected at once, because it would be useless later. @param onSent As for `send`.
   */
  ping(payload: Uint8Array, onSent?: SentCallback): Promise<void> {
    return this.#sendControl(payload, true, onSent);
  }

  /** Sends a pong, in the same way as a ping. */
  pong(payload: Uint8Array, onSent?: SentCallback): Promise<void> {
    return this.#sendControl(payload, false, onSent);
  }

  #sendControl(
    payload: Uint8Array,
    isPing: boolean,
    onSent: SentCallback | undefined,
  ): Promise<void> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return this.#refuse(refusal, onSent);
    // A control frame passes waiting messages, so only the bytes in front of it count.
    const actual = this.#endpoint.output.gathered + MaxHeaderSize + payload.length;
    if (actual > this.#settings.maxBufferedAmount) {
      return this.#refuse(this.#tooMuch(actual), onSent);
    }
    if (isPing) this.#endpoint.sendPing(payload);
    else this.#endpoint.sendPong(payload);
    if (onSent !== undefined) this.#endpoint.output.whenTaken(this.#reportTo(onSent));
    this.#flusher.flushSoon();
    return this.#flusher.whenSent();
  }

  /** Sends frames unchanged, in front of waiting messages. @param onSent As for `send`. */
  sendRaw(frames: readonly Uint8Array[], onSent?: SentCallback): void {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) {
      void this.#refuse(refusal, onSent);
      return;
    }
    const { output } = this.#endpoint;
    for (const frame of frames) output.addRaw(frame);
    if (onSent !== undefined) output.whenTaken(this.#reportTo(onSent));
    this.#flusher.flushSoon();
  }

  /** Begins a message in pieces. It takes its place at its first piece. @throws {ClosedError} The connection is not open. */
  begin(opcode: Opcode, compress: boolean): StreamedMessage {
    return this.#endpoint.newStreamedMessage(opcode, compress);
  }

  /**
   * Sends a piece of a message. Resolves when the piece has left, or is gathered below the high-water mark.
   *
   * A single piece cannot be left out. If it does not fit, the policy "drop" drops the whole message if that is still possible,
   * and otherwise ends the connection.
   *
   * @param onSent As for `send`.
   */
  sendPiece(
    message: StreamedMessage,
    bytes: Uint8Array,
    isLast: boolean,
    onSent?: SentCallback,
  ): Promise<void> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return this.#refuse(refusal, onSent);
    // The message did not fit, and was removed.
    if (message.reason !== undefined) return this.#refuse(message.reason, onSent);
    const { overflow, maxBufferedAmount } = this.#settings;
    // The end of a message always fits, because it lets other messages go on.
    const excess = bytes.length === 0 ? undefined : this.#excess(bytes);
    if (excess !== undefined && overflow !== "wait") {
      return this.#refuse(this.#dropPiece(message, excess), onSent);
    }
    const limit = overflow === "wait" ? maxBufferedAmount : Infinity;
    this.#owner.used();
    let queued: Pending | undefined;
    try {
      queued = message.enqueue(bytes, isLast, limit);
    } catch (error) {
      // An extension has failed with this piece. The connection is over, and the caller gets the usual error.
      return this.#refuse(error, onSent);
    }
    const report = onSent && this.#reportTo(onSent);
    this.#flusher.flushSoon();
    if (queued === undefined) {
      if (report !== undefined) this.#endpoint.output.whenTaken(report);
      return this.#flusher.whenPieceSent();
    }
    const result = this.#whenSent(queued, true);
    if (report !== undefined) queued.listener = both(queued.listener, report);
    return result;
  }

  #giveToEndpoint(data: Data | PreparedMessage, compress: boolean, isText: boolean): void {
    if (typeof data === "string") this.#endpoint.sendText(data, compress);
    else if (data instanceof PreparedMessage) this.#endpoint.sendPrepared(data);
    else if (isText) this.#endpoint.sendTextBytes(data, compress);
    else this.#endpoint.sendBinary(data, compress);
  }

  /**
   * Gives the number of bytes that would be unsent with `data`, if that is too many; otherwise undefined.
   *
   * If nothing is unsent, a message always fits, however large it is. Otherwise it could never be sent.
   */
  #excess(data: Data | PreparedMessage): number | undefined {
    const { unsent } = this.#endpoint.output;
    const most = this.#settings.maxBufferedAmount;
    // A UTF-16 unit has at most three bytes of UTF-8. Only near the limit the real bytes are counted.
    const length = data instanceof PreparedMessage ? data.size : data.length;
    if (unsent === 0 || unsent + MaxHeaderSize + 3 * length <= most) return undefined;
    const whole = unsent + MaxHeaderSize + sizeOf(data);
    return whole > most ? whole : undefined;
  }

  #overflow(
    data: Data | PreparedMessage,
    compress: boolean,
    isText: boolean,
    actual: number,
    onSent: SentCallback | undefined,
  ): Promise<void> {
    const { overflow, maxBufferedAmount } = this.#settings;
    if (overflow !== "wait") return this.#refuse(this.#tooMuch(actual), onSent);
    this.#owner.used();
    const queued = this.#endpoint.sendWhenFits(data, compress, maxBufferedAmount, isText);
    const result = this.#whenSent(queued, false);
    if (onSent !== undefined) this.#watch(onSent);
    return result;
  }

  #tooMuch(actual: number): LimitError {
    const { overflow, maxBufferedAmount } = this.#settings;
    const error = new LimitError("TOO_MUCH_BUFFERED", maxBufferedAmount, actual);
    if (overflow === "close") this.#owner.onOverflow(error);
    else this.dropped++;
    return error;
  }

  #refuse(error: unknown, onSent: SentCallback | undefined): Promise<never> {
    if (onSent !== undefined) this.#reportTo(onSent).onDropped(error);
    return rejected(error);
  }

  #reportTo(onSent: SentCallback): SentReport {
    return new SentReport(this.#endpoint.output, this.#owner, onSent);
  }

  /** Watches the message that the endpoint has just got. */
  #watch(onSent: SentCallback): void {
    this.#endpoint.watchLast(this.#reportTo(onSent));
  }

  /** Drops a message whose piece does not fit, or ends the connection. @returns The error for the sender. */
  #dropPiece(message: StreamedMessage, actual: number): LimitError {
    const { overflow, maxBufferedAmount } = this.#settings;
    if (overflow === "close") return this.#tooMuch(actual);
    const error = new LimitError("TOO_MUCH_BUFFERED", maxBufferedAmount, actual);
    if (message.takeBack(error)) this.dropped++;
    else this.#owner.fail(error);
    return error;
  }

  #whenSent(queued: Pending, isPiece: boolean): Promise<void> {
    const waiter = new SendWaiter(this.#flusher, this.#owner, isPiece);
    queued.listener = waiter;
    return waiter.promise;
  }
}

/** A send that waits for one message or piece. Only the fate of that message or piece settles it. */
class SendWaiter implements SendListener {
  readonly #flusher: Flusher;
  readonly #owner: OutboxOwner;
  readonly #isPiece: boolean;
  readonly #deferred: Deferred<void> = newDeferred<void>();

  constructor(flusher: Flusher, owner: OutboxOwner, isPiece: boolean) {
    this.#flusher = flusher;
    this.#owner = owner;
    this.#isPiece = isPiece;
  }

  get promise(): Promise<void> {
    return this.#deferred.promise;
  }

  onSent(): void {
    const { resolve, reject } = this.#deferred;
    this.#flusher.flushSoon();
    // Does not write. This call may be at the end of a write, and with thousands of waiting sends each would begin the next write
    // inside the previous one.
    const below = this.#isPiece ? this.#flusher.whenPieceBelow() : this.#flusher.whenBelow();
    void below.then(resolve, reject);
  }

  onDropped(reason?: unknown): void {
    this.#deferred.reject(reason ?? this.#owner.refusal());
  }
}

/**
 * Calls `onSent` for one message: after its turn in the queue, and then after its bytes have left. A promise makes sure that the
 * callback is called once, never inside another call, and in the async context of the send.
 */
class SentReport implements SendListener, TakenListener {
  readonly #output: WriteBuffer;
  readonly #owner: OutboxOwner;
  readonly #deferred: Deferred<void> = newDeferred<void>();

  constructor(output: WriteBuffer, owner: OutboxOwner, onSent: SentCallback) {
    this.#output = output;
    this.#owner = owner;
    this.#deferred.promise
      .then(
        () => onSent(),
        (error: Error) => onSent(error),
      )
      .catch((error: unknown) => {
        owner.onUnseen(error, "sent");
      });
  }

  onSent(): void {
    this.#output.whenTaken(this);
  }

  onDropped(reason?: unknown): void {
    this.#deferred.reject(reason ?? this.#owner.refusal());
  }

  onTaken(): void {
    this.#deferred.resolve();
  }

  onLost(): void {
    this.onDropped();
  }
}

function sizeOf(data: Data | PreparedMessage): number {
  if (typeof data === "string") return encodeUtf8(data).length;
  return data instanceof PreparedMessage ? data.size : data.length;
}
