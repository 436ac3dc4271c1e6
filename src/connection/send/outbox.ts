/**
 * What an application sends: whether it may be sent now, by the limit and the policy for what does not fit, and the
 * promises of those who send. The order of it all is the endpoint's queue's.
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

/** What an outbox asks of its link. */
export interface OutboxOwner {
  /** The error that a send rejects with now; undefined where the connection is open. */
  refusal(): unknown;
  /** A message is on its way, or a piece of one. */
  used(): void;
  /** More is unsent than may be, and that ends the connection. */
  onOverflow(error: LimitError): void;
  /** A message that was begun cannot be completed: that ends the connection. */
  fail(error: unknown): void;
  /** The application's code has thrown what nobody looks at. */
  onUnseen(error: unknown, thrower: ErrorThrower): void;
}

/** Sends messages of one connection. */
export class Outbox {
  readonly #endpoint: Endpoint;
  readonly #flusher: Flusher;
  readonly #owner: OutboxOwner;
  readonly #settings: ConnectionSettings;
  /** Messages that the policy "drop" has dropped. */
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

  /** Unsent bytes above which its peer is slow. */
  get highWaterMark(): number {
    return this.#settings.highWaterMark;
  }

  /** Bytes that wait for the network, those that wait for their turn or for room included. */
  get unsent(): number {
    return this.#endpoint.output.unsent;
  }

  /** What turns text into bytes and back. */
  get codec(): TextCodec {
    return this.#settings.codec;
  }

  /**
   * Sends a message, or does with it what the policy says.
   *
   * @param isText Whether bytes are those of a text.
   * @param onSent Is told what becomes of it.
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
    // An extension may have failed with it, and the connection with that.
    if (this.#endpoint.stage !== "open") return this.#refuse(this.#owner.refusal(), onSent);
    if (onSent !== undefined) this.#watch(onSent);
    this.#flusher.flushSoon();
    return this.#flusher.whenSent();
  }

  /** Sends a ping. One that does not fit is of no use later: it never waits. @param onSent Is told what becomes of it. */
  ping(payload: Uint8Array, onSent?: SentCallback): Promise<void> {
    return this.#sendControl(payload, true, onSent);
  }

  /** Sends a pong, likewise. */
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
    // It passes what waits, so that only what is in front of it counts.
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

  /** Sends frames as they are, in front of what waits for its turn. @param onSent Is told what becomes of them. */
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

  /** Begins a message that is sent in pieces; it takes its place at its first one. @throws {ClosedError} */
  begin(opcode: Opcode, compress: boolean): StreamedMessage {
    return this.#endpoint.newStreamedMessage(opcode, compress);
  }

  /**
   * Sends a piece of it. Resolves when it has left, or is gathered below the mark.
   *
   * A piece cannot be left out: where it does not fit, the policy "drop" drops the whole message while that is possible, and
   * ends the connection otherwise.
   *
   * @param onSent Is told what becomes of the piece.
   */
  sendPiece(
    message: StreamedMessage,
    bytes: Uint8Array,
    isLast: boolean,
    onSent?: SentCallback,
  ): Promise<void> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return this.#refuse(refusal, onSent);
    // It did not fit, and was taken back.
    if (message.reason !== undefined) return this.#refuse(message.reason, onSent);
    const { overflow, maxBufferedAmount } = this.#settings;
    // The end of a message always fits: it makes room for others.
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
      // An extension has failed with it: the connection is over, and the caller is told as always.
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
   * Tells how much would be unsent with `data`, where that is too much.
   *
   * One message always fits, however large: nothing else could ever send it.
   */
  #excess(data: Data | PreparedMessage): number | undefined {
    const { unsent } = this.#endpoint.output;
    const most = this.#settings.maxBufferedAmount;
    // Three bytes a UTF-16 unit at the most: near the limit, and only there, they are counted.
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

  /** Watches the message that has just been given to the endpoint. */
  #watch(onSent: SentCallback): void {
    this.#endpoint.watchLast(this.#reportTo(onSent));
  }

  /** Drops a message of which a piece does not fit, or ends the connection. @returns What its sender is told. */
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

/** A wait for one message or piece. It is settled by what becomes of that one, and by nothing else. */
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
    // Not written from here: this may be the end of a write, and each of thousands would begin the next inside of it.
    const below = this.#isPiece ? this.#flusher.whenPieceBelow() : this.#flusher.whenBelow();
    void below.then(resolve, reject);
  }

  onDropped(reason?: unknown): void {
    this.#deferred.reject(reason ?? this.#owner.refusal());
  }
}

/**
 * Tells a sender what became of one message: first of the queue, then of its bytes. By a promise, so that the callback is called once,
 * never inside of a call, and in the context of the send.
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
