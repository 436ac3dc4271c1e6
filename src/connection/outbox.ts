/**
 * What an application sends: in order, within the limit, by the policy for what does not fit.
 *
 * @module
 */

import { encodeUtf8 } from "../bytes.ts";
import { type Deferred, newDeferred, rejected } from "../deferred.ts";
import type { Endpoint } from "../endpoint/endpoint.ts";
import { PreparedMessage } from "../endpoint/prepared.ts";
import { LimitError } from "../errors.ts";
import { MaxHeaderSize } from "../frame/header.ts";
import type { Opcode } from "../frame/opcode.ts";
import { Fifo } from "./fifo.ts";
import type { Data } from "./handlers.ts";
import type { ConnectionSettings } from "./options.ts";
import type { Sender } from "./sending.ts";

/** What an outbox asks of its link. */
export interface OutboxOwner {
  /** What whoever sends now is told, undefined where the connection is open. */
  refusal(): unknown;
  /** A message is on its way, or a piece of one. */
  used(): void;
  /** More is unsent than may be, and that ends the connection. */
  onOverflow(error: LimitError): void;
}

/** A message that waits for room. */
interface Waiting {
  readonly data: Data | PreparedMessage;
  readonly compress: boolean;
  readonly deferred: Deferred<void>;
}

const nobody: readonly Deferred<void>[] = [];

/** Sends messages of one connection. */
export class Outbox {
  readonly #endpoint: Endpoint;
  readonly #sender: Sender;
  readonly #owner: OutboxOwner;
  readonly #settings: ConnectionSettings;
  /** Messages that the policy "wait" keeps; undefined where there are none. */
  #waiting: Fifo<Waiting> | undefined;
  /** Writers whose messages wait for their turn, or for their next piece; undefined where there are none. */
  #turns: Deferred<void>[] | undefined;
  #isAdmitting = false;
  /** Messages that the policy "drop" has dropped. */
  dropped = 0;

  constructor(
    endpoint: Endpoint,
    sender: Sender,
    owner: OutboxOwner,
    settings: ConnectionSettings,
  ) {
    this.#endpoint = endpoint;
    this.#sender = sender;
    this.#owner = owner;
    this.#settings = settings;
  }

  /** Bytes that wait for the network, those that wait for room in front of it included. */
  get unsent(): number {
    let unsent = this.#endpoint.output.unsent;
    if (this.#waiting !== undefined) {
      for (const { data } of this.#waiting) unsent += sizeOf(data);
    }
    return unsent;
  }

  /** Sends a message, or does with it what the policy says. */
  send(data: Data | PreparedMessage, compress: boolean): Promise<void> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return rejected(refusal);
    if (this.#waiting !== undefined) return this.#wait(data, compress);
    const excess = this.#excess(data);
    if (excess !== undefined) return this.#overflow(data, compress, excess);
    this.#owner.used();
    this.#add(data, compress);
    this.#sender.flushSoon();
    return this.#sender.whenSent();
  }

  /** Sends a ping. */
  ping(payload: Uint8Array): Promise<void> {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) return rejected(refusal);
    const excess = this.#excess(payload);
    if (excess !== undefined) return this.#overflow(payload, false, excess, true);
    this.#endpoint.sendPing(payload);
    this.#sender.flushSoon();
    return this.#sender.whenSent();
  }

  /** @throws {ClosedError} Nothing can be sent any more. */
  check(): void {
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) throw refusal;
  }

  /** Whether a message that is sent in pieces may begin now. */
  get isFree(): boolean {
    return this.#endpoint.isFree && this.#waiting === undefined;
  }

  /** Waits until it may: {@link begin} has to follow before anything else. */
  async turn(): Promise<void> {
    this.check();
    while (!this.isFree) await this.#turn();
    this.check();
  }

  /** Begins a message that is sent in pieces. */
  begin(opcode: Opcode, compress: boolean): void {
    this.#endpoint.beginMessage(opcode, compress);
  }

  /** Sends a piece of it, and waits until the next one may follow. */
  async sendPiece(bytes: Uint8Array, isLast: boolean): Promise<void> {
    this.check();
    this.#owner.used();
    const isDone = this.#endpoint.sendPiece(bytes, isLast);
    this.#sender.flushSoon();
    if (!isDone) await this.#turn();
    await this.#sender.whenSent();
    this.check();
    if (isLast) this.onRoom();
  }

  /** There may be room, or it may be another one's turn. */
  onRoom(): void {
    // Sending makes room, too.
    if (this.#isAdmitting) return;
    if (this.#waiting !== undefined) this.#admit(this.#waiting);
    for (const turn of this.#takeTurns()) turn.resolve();
  }

  /** The connection is closed: whoever waits gets what `reason` makes. */
  stop(reason: () => unknown): void {
    for (const { deferred } of this.#waiting?.takeAll() ?? []) deferred.reject(reason());
    this.#waiting = undefined;
    for (const turn of this.#takeTurns()) turn.reject(reason());
  }

  /** Sends what waits as far as there is room. */
  #admit(waiting: Fifo<Waiting>): void {
    this.#isAdmitting = true;
    for (let next = waiting.first; next !== undefined; next = waiting.first) {
      if (this.#excess(next.data) !== undefined) break;
      waiting.shift();
      const { data, compress, deferred } = next;
      this.#owner.used();
      this.#add(data, compress);
      this.#sender.flushSoon();
      void this.#sender.whenSent().then(deferred.resolve, deferred.reject);
    }
    this.#isAdmitting = false;
    if (waiting.length === 0) this.#waiting = undefined;
  }

  #turn(): Promise<void> {
    const turn = newDeferred<void>();
    this.#turns ??= [];
    this.#turns.push(turn);
    return turn.promise;
  }

  #takeTurns(): readonly Deferred<void>[] {
    const turns = this.#turns;
    this.#turns = undefined;
    return turns ?? nobody;
  }

  #add(data: Data | PreparedMessage, compress: boolean): void {
    if (typeof data === "string") this.#endpoint.sendText(data, compress);
    else if (data instanceof PreparedMessage) this.#endpoint.sendPrepared(data);
    else this.#endpoint.sendBinary(data, compress);
  }

  /**
   * Tells how much would be unsent with `data`, where that is too much.
   *
   * One message always fits, however large: nothing else could ever send it.
   */
  #excess(data: Data | PreparedMessage): number | undefined {
    const unsent = this.#endpoint.output.unsent;
    const most = this.#settings.maxBufferedAmount;
    // Three bytes a UTF-16 unit at the most: near the limit, and only there, they are counted.
    const length = data instanceof PreparedMessage ? data.bytes.length : data.length;
    if (unsent === 0 || unsent + MaxHeaderSize + 3 * length <= most) return undefined;
    const whole = unsent + MaxHeaderSize + sizeOf(data);
    return whole > most ? whole : undefined;
  }

  #overflow(
    data: Data | PreparedMessage,
    compress: boolean,
    actual: number,
    isPing = false,
  ): Promise<void> {
    const { overflow, maxBufferedAmount } = this.#settings;
    if (overflow === "wait" && !isPing) return this.#wait(data, compress);
    const error = new LimitError("TOO_MUCH_BUFFERED", maxBufferedAmount, actual);
    if (overflow === "close") this.#owner.onOverflow(error);
    else this.dropped++;
    return rejected(error);
  }

  #wait(data: Data | PreparedMessage, compress: boolean): Promise<void> {
    const deferred = newDeferred<void>();
    // Copied now, as always: the caller's array is the caller's again.
    const own = data instanceof Uint8Array ? data.slice() : data;
    this.#waiting ??= new Fifo<Waiting>();
    this.#waiting.push({ data: own, compress, deferred });
    return deferred.promise;
  }
}

function sizeOf(data: Data | PreparedMessage): number {
  if (typeof data === "string") return encodeUtf8(data).length;
  return data instanceof PreparedMessage ? data.bytes.length : data.length;
}
