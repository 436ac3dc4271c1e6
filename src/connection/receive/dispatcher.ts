/**
 * Gives received messages to handlers or to callers of `receive`, and reports other events to the link.
 *
 * The endpoint sends its events to a dispatcher. The dispatcher copies bytes for the receiver, unless the receiver borrows them.
 * Then it gives the message to the queue of handlers (handler-queue.ts), to the inbox, or to a stream of pieces.
 *
 * @module
 */

import { copyOf, viewOf } from "../../bytes.ts";
import type { Deadline } from "../../clock.ts";
import type { ClosingStage } from "../../endpoint/closing.ts";
import type { Endpoint } from "../../endpoint/endpoint.ts";
import type { EndpointEvents } from "../../endpoint/endpoint-events.ts";
import type { ClosedError } from "../../errors.ts";
import type { Connection } from "../connection.ts";
import type { Data } from "../data.ts";
import type { Handlers } from "../handlers.ts";
import type { Keepalive } from "../keepalive.ts";
import type { ConnectionSettings } from "../settings.ts";
import { HandlerQueue, type HandlerQueueOwner } from "./handler-queue.ts";
import { Incoming } from "./incoming.ts";
import type { MessageGate } from "./message-gate.ts";
import { MessageMemory } from "./message-memory.ts";
import { Pulling } from "./pulling.ts";

/** The part of a link that its dispatcher uses. */
export interface DispatcherOwner extends HandlerQueueOwner {
  /** Gives the error for a caller that asks for a message now; undefined if the connection is open. */
  refusal(): ClosedError | undefined;
  onFail(error: unknown): void;
  onResume(): void;
  onOutput(): void;
  onClosing(stage: ClosingStage): void;
}

/** The parts from which a dispatcher is made. */
export interface DispatcherParts<Context> {
  readonly handlers: Handlers<Context>;
  readonly owner: DispatcherOwner;
  /** Gets each frame and message; undefined if the connection has no keepalive. */
  readonly keepalive: Keepalive | undefined;
  /** Limits the rate of messages; undefined if there is no limit. */
  readonly gate?: MessageGate | undefined;
  readonly settings: ConnectionSettings;
}

/** Handles the events of one endpoint. */
export class Dispatcher<Context> implements EndpointEvents {
  readonly handlers: Handlers<Context>;
  readonly #owner: DispatcherOwner;
  readonly #keepalive: Keepalive | undefined;
  readonly #gate: MessageGate | undefined;
  readonly #settings: ConnectionSettings;
  #endpoint!: Endpoint;
  #queue!: HandlerQueue<Context>;
  // The fields below are made on first use, because most connections are idle.
  #memory: MessageMemory | undefined;
  #pulling: Pulling | undefined;
  /** The current message, if it is delivered piece by piece. */
  #incoming: Incoming | undefined;
  /** The deadline after which the gate lets the next message in. */
  #lift: Deadline | undefined;

  constructor(parts: DispatcherParts<Context>) {
    const { handlers, settings } = parts;
    this.handlers = handlers;
    this.#owner = parts.owner;
    this.#keepalive = parts.keepalive;
    this.#gate = parts.gate;
    this.#settings = settings;
  }

  /** Sets the parts that are made after the dispatcher. The endpoint's constructor needs the dispatcher, so it comes later. */
  join(connection: Connection<Context>, endpoint: Endpoint): void {
    this.#endpoint = endpoint;
    this.#queue = new HandlerQueue(connection, this.handlers, this.#owner);
    if (this.handlers.stream !== undefined) endpoint.setStreaming(true);
  }

  /** Gives messages to callers. @throws {TypeError} There is a handler for messages. */
  get pulling(): Pulling {
    if (this.#isHandled()) {
      throw new TypeError("Messages go to the handlers: without message and stream, ask for them");
    }
    return this.#makePulling();
  }

  /** Whether too much is unread. */
  get isFull(): boolean {
    return this.#queue.unread.isFull;
  }

  /**
   * Whether a received message is being handled, or waits for its handler. Does not include the `open` handler, messages that
   * wait for that handler alone, and a message that has only come in part.
   */
  get isHandling(): boolean {
    return this.#incoming === undefined && this.#queue.isHandling;
  }

  /** Whether messages sent now may answer a message that has just come, from a handler or a loop. */
  get isWorking(): boolean {
    return this.#queue.isWaiting || this.#pulling?.isGiven === true;
  }

  /** The connection is open. */
  open(): void {
    this.#queue.open(this.#isHandled());
  }

  /** A chunk begins that has memory of its own. Its messages may stay in that memory. */
  beginChunk(chunk: Uint8Array): void {
    if (!this.#isBorrowing() && this.#settings.newBytes === undefined) {
      this.#makeMemory().begin(chunk);
    }
  }

  /** All received bytes are delivered, or wait. */
  idle(): void {
    this.#memory?.end();
  }

  onText(data: string): void {
    this.#messaged();
    this.#deliver(data, true);
  }

  onTextBytes(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
    this.#messaged();
    this.#deliver(this.#bytesOf(bytes, start, end, isOwned), true);
  }

  onBinary(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
    this.#messaged();
    this.#deliver(this.#bytesOf(bytes, start, end, isOwned), false);
  }

  onMessageBegin(isText: boolean): void {
    if (this.handlers.stream === undefined) {
      this.#makePulling().inbox.begin(isText);
      return;
    }
    const incoming = new Incoming(isText, this.#queue.unread);
    this.#incoming = incoming;
    this.#queue.addStream(incoming);
  }

  onMessagePiece(bytes: Uint8Array, start: number, end: number): void {
    if (this.#incoming === undefined) this.#pulling?.inbox.add(bytes, start, end);
    else this.#incoming.add(bytes, start, end);
  }

  onMessageEnd(): void {
    this.#messaged();
    if (this.#incoming === undefined) {
      this.#pulling?.inbox.complete();
      return;
    }
    this.#incoming.complete();
    this.#incoming = undefined;
  }

  onPing(bytes: Uint8Array, start: number, end: number): void {
    this.#keepalive?.framed();
    if (this.handlers.ping !== undefined) this.#queue.addControl(true, bytes, start, end);
  }

  onPong(bytes: Uint8Array, start: number, end: number): void {
    this.#keepalive?.framed();
    this.#keepalive?.ponged(bytes, start, end);
    if (this.handlers.pong !== undefined) this.#queue.addControl(false, bytes, start, end);
  }

  onFail(error: unknown): void {
    this.#owner.onFail(error);
  }

  onResume(): void {
    this.#owner.onResume();
  }

  onOutput(): void {
    this.#owner.onOutput();
  }

  onClosing(stage: ClosingStage): void {
    this.#owner.onClosing(stage);
  }

  /** The unsent bytes have come down to the high-water mark. */
  drained(): void {
    this.#queue.drained();
  }

  /** Stops calling handlers. Messages that wait to be asked for stay available. */
  cut(): void {
    this.#queue.cut();
  }

  /** This side ends the connection. Nothing more is delivered, and nothing is kept. */
  stop(reason: () => ClosedError): void {
    this.cut();
    this.#incoming?.fail(reason());
    this.#incoming = undefined;
    this.#pulling?.inbox.clear(reason);
  }

  /**
   * The connection is over. Messages that wait for a handler are still delivered, and messages that wait to be asked for stay
   * available. Then `onDelivered` follows, at once if no message waits for a handler.
   */
  end(reason: () => ClosedError): void {
    this.#lift?.cancel();
    const incoming = this.#incoming;
    this.#incoming = undefined;
    incoming?.fail(reason());
    this.#pulling?.inbox.end(reason);
    this.#queue.end();
  }

  #messaged(): void {
    this.#keepalive?.messaged();
    if (this.#gate === undefined) return;
    const wait = this.#gate.messaged();
    if (wait === 0) return;
    this.#owner.pacer.limit();
    this.#lift ??= this.#owner.deadlines.after(wait, () => {
      this.#lift = undefined;
      this.#owner.pacer.lift(this.isFull);
    });
  }

  #isHandled(): boolean {
    return this.handlers.message !== undefined || this.handlers.stream !== undefined;
  }

  #isBorrowing(): boolean {
    return this.#settings.borrow && this.handlers.message !== undefined;
  }

  /** Copies bytes that do not belong to the receiver, unless the receiver borrows them. */
  #bytesOf(bytes: Uint8Array, start: number, end: number, isOwned: boolean): Uint8Array {
    const { newBytes } = this.#settings;
    if (newBytes !== undefined) return newBytes(bytes, start, end, isOwned);
    if (isOwned) return bytes;
    // A message that waits gets a copy of its own. In a shared buffer it would keep more memory alive than it is counted for.
    if (this.handlers.message !== undefined && this.#queue.isBusy) {
      return copyOf(bytes, start, end);
    }
    if (this.#isBorrowing()) return viewOf(bytes, start, end);
    return this.#makeMemory().take(bytes, start, end);
  }

  #deliver(data: Data, isText: boolean): void {
    if (this.handlers.message === undefined) this.#makePulling().inbox.push(data);
    else this.#queue.addMessage(data, isText);
  }

  #makeMemory(): MessageMemory {
    return (this.#memory ??= new MessageMemory(this.#settings.ownBufferSize));
  }

  #makePulling(): Pulling {
    if (this.#pulling !== undefined) return this.#pulling;
    const { unread } = this.#queue;
    const { pacer, deadlines } = this.#owner;
    this.#pulling = new Pulling(this.#endpoint, pacer, deadlines, unread, this.#owner);
    const refusal = this.#endpoint.isDelivering ? undefined : this.#owner.refusal();
    if (refusal !== undefined) this.#pulling.inbox.end(() => refusal);
    return this.#pulling;
  }
}
