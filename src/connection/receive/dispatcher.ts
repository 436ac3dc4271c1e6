/**
 * Where what comes over one connection goes: to its handlers, or to those who ask for messages; and what is no message to the link.
 *
 * A dispatcher is what the endpoint tells its events. It makes bytes the receiver's own, unless that borrows them, and gives a
 * message to the queue of handlers (handler-queue.ts), to the inbox, or to a stream of pieces.
 *
 * @module
 */

import { copyOf, viewOf } from "../../bytes.ts";
import type { Deadline, Deadlines } from "../../clock.ts";
import type { ClosingStage } from "../../endpoint/closing.ts";
import type { Endpoint } from "../../endpoint/endpoint.ts";
import type { EndpointEvents } from "../../endpoint/endpoint-events.ts";
import type { ClosedError } from "../../errors.ts";
import type { Connection } from "../connection.ts";
import type { Data } from "../data.ts";
import type { Handlers } from "../handlers.ts";
import type { Keepalive } from "../keepalive.ts";
import type { ConnectionSettings, NewBytes } from "../settings.ts";
import { HandlerQueue, type HandlerQueueOwner } from "./handler-queue.ts";
import { Incoming } from "./incoming.ts";
import type { MessageGate } from "./message-gate.ts";
import { MessageMemory } from "./message-memory.ts";
import type { Pacer } from "./pacer.ts";
import { Pulling } from "./pulling.ts";

/** What a dispatcher asks of its link, and tells it. */
export interface DispatcherOwner extends HandlerQueueOwner {
  /** The error for those who ask for a message now; undefined where the connection is open. */
  refusal(): ClosedError | undefined;
  onFail(error: unknown): void;
  onResume(): void;
  onOutput(): void;
  onClosing(stage: ClosingStage): void;
}

/** What a dispatcher is made of. */
export interface DispatcherParts<Context> {
  readonly handlers: Handlers<Context>;
  readonly owner: DispatcherOwner;
  /** Is told of frames and messages, where something watches whether the connection lives. */
  readonly keepalive: Keepalive | undefined;
  /** Is told of messages, where so many may come in a time. */
  readonly gate?: MessageGate | undefined;
  readonly deadlines: Deadlines;
  readonly settings: ConnectionSettings;
}

/** Takes the events of one endpoint. */
export class Dispatcher<Context> implements EndpointEvents {
  readonly #handlers: Handlers<Context>;
  readonly #owner: DispatcherOwner;
  readonly #keepalive: Keepalive | undefined;
  readonly #gate: MessageGate | undefined;
  readonly #deadlines: Deadlines;
  readonly #settings: ConnectionSettings;
  readonly #isBorrowing: boolean;
  readonly #newBytes: NewBytes | undefined;
  #endpoint!: Endpoint;
  #pacer!: Pacer;
  #queue!: HandlerQueue<Context>;
  // All below are made when they are needed: most connections are idle.
  #memory: MessageMemory | undefined;
  #pulling: Pulling | undefined;
  /** The message that comes piece by piece. */
  #incoming: Incoming | undefined;
  /** When the gate lets the next message in. */
  #lift: Deadline | undefined;

  constructor(parts: DispatcherParts<Context>) {
    const { handlers, settings } = parts;
    this.#handlers = handlers;
    this.#owner = parts.owner;
    this.#keepalive = parts.keepalive;
    this.#gate = parts.gate;
    this.#deadlines = parts.deadlines;
    this.#settings = settings;
    this.#isBorrowing = settings.borrow && handlers.message !== undefined;
    this.#newBytes = settings.newBytes;
  }

  /** Says whose events they are: an endpoint is made with its events, and so behind its dispatcher. */
  join(connection: Connection<Context>, endpoint: Endpoint, pacer: Pacer): void {
    this.#endpoint = endpoint;
    this.#pacer = pacer;
    this.#queue = new HandlerQueue({
      connection,
      handlers: this.#handlers,
      pacer,
      owner: this.#owner,
      deadlines: this.#deadlines,
      settings: this.#settings,
    });
    if (this.#handlers.stream !== undefined) endpoint.setStreaming(true);
  }

  /** Those who ask for messages. @throws {TypeError} There is a handler for them. */
  get pulling(): Pulling {
    if (this.#isHandled) {
      throw new TypeError("Messages go to the handlers: without message and stream, ask for them");
    }
    return this.#makePulling();
  }

  /**
   * Whether a message that has come is being handled, or waits to be: `open` counts not, nor what waits for it alone, nor one
   * that has come in part.
   */
  get isHandling(): boolean {
    return this.#incoming === undefined && this.#queue.isHandling;
  }

  /** Whether what is sent now may be a handler's, or a loop's, answer to what has just come. */
  get isWorking(): boolean {
    return this.#queue.isWaiting || this.#pulling?.isGiven === true;
  }

  /** The connection is open. */
  open(): void {
    this.#queue.open(this.#isHandled);
  }

  /** A chunk comes that lies in memory of its own: messages may stay there. */
  beginChunk(chunk: Uint8Array): void {
    if (!this.#isBorrowing && this.#newBytes === undefined) this.#makeMemory().begin(chunk);
  }

  /** All that has come is delivered, or waits. */
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
    if (this.#handlers.stream === undefined) {
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
    if (this.#handlers.ping !== undefined) this.#queue.addControl(true, bytes, start, end);
  }

  onPong(bytes: Uint8Array, start: number, end: number): void {
    this.#keepalive?.framed();
    this.#keepalive?.ponged(bytes, start, end);
    if (this.#handlers.pong !== undefined) this.#queue.addControl(false, bytes, start, end);
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

  /** The unsent bytes have come down to the mark. */
  drained(): void {
    this.#queue.drained();
  }

  /** Calls no handler any more; what was kept may still be asked for. */
  cut(): void {
    this.#queue.cut();
  }

  /** This side ends the connection: nothing is delivered any more, nor kept. */
  stop(reason: () => ClosedError): void {
    this.cut();
    this.#incoming?.fail(reason());
    this.#incoming = undefined;
    this.#pulling?.inbox.clear(reason);
  }

  /**
   * The connection is over. What waits for a handler is delivered still, and what was kept may still be asked for;
   * `onDelivered` follows, at once where nothing waits.
   */
  end(reason: () => ClosedError): void {
    this.#lift?.cancel();
    const incoming = this.#incoming;
    this.#incoming = undefined;
    incoming?.fail(reason());
    this.#pulling?.inbox.end(reason);
    this.#queue.end();
  }

  /** A whole message has come. */
  #messaged(): void {
    this.#keepalive?.messaged();
    if (this.#gate === undefined) return;
    const wait = this.#gate.messaged();
    if (wait === 0) return;
    this.#pacer.limit();
    this.#lift ??= this.#deadlines.after(wait, () => {
      this.#lift = undefined;
      this.#pacer.lift(this.#queue.unread.isFull);
    });
  }

  get #isHandled(): boolean {
    return this.#handlers.message !== undefined || this.#handlers.stream !== undefined;
  }

  /** What is not the receiver's own is made so for those who may keep it. */
  #bytesOf(bytes: Uint8Array, start: number, end: number, isOwned: boolean): Uint8Array {
    if (this.#newBytes !== undefined) return this.#newBytes(bytes, start, end, isOwned);
    if (isOwned) return bytes;
    // What waits keeps no more alive than what it is counted for.
    if (this.#handlers.message !== undefined && this.#queue.isBusy) {
      return copyOf(bytes, start, end);
    }
    if (this.#isBorrowing) return viewOf(bytes, start, end);
    return this.#makeMemory().take(bytes, start, end);
  }

  #deliver(data: Data, isText: boolean): void {
    if (this.#handlers.message === undefined) this.#makePulling().inbox.push(data);
    else this.#queue.addMessage(data, isText);
  }

  #makeMemory(): MessageMemory {
    return (this.#memory ??= new MessageMemory(this.#settings.ownBufferSize));
  }

  #makePulling(): Pulling {
    if (this.#pulling !== undefined) return this.#pulling;
    const { unread } = this.#queue;
    this.#pulling = new Pulling(this.#endpoint, this.#pacer, this.#deadlines, unread, this.#owner);
    const refusal = this.#endpoint.isDelivering ? undefined : this.#owner.refusal();
    if (refusal !== undefined) this.#pulling.inbox.end(() => refusal);
    return this.#pulling;
  }
}
