/**
 * Where the messages of one connection go: to handlers, one at a time and in order, or to those who ask for them.
 *
 * A handler is called at once where nobody is at work; where one is, messages wait in a queue that is counted (unread.ts).
 * Each promise of a handler is a wait of its own: the next message goes out when none is left. Pings and pongs wait for the
 * handlers of those before them alone, for a message may be read for hours. Nothing else waits for handlers: neither the
 * reading of the connection nor its end.
 *
 * @module
 */

import { copyOf, viewOf } from "../../bytes.ts";
import type { Deadline, Deadlines } from "../../clock.ts";
import { isPromise, whenSettled } from "../../deferred.ts";
import type { Endpoint } from "../../endpoint/endpoint.ts";
import { type ClosedError, TimeoutError } from "../../errors.ts";
import { Fifo } from "../../fifo.ts";
import type { Connection } from "../connection.ts";
import { MessageMemory } from "./message-memory.ts";
import { sent } from "../send/flusher.ts";
import type { Handlers } from "../handlers.ts";
import type { Data } from "../data.ts";
import { Incoming } from "./incoming.ts";
import type { ConnectionSettings } from "../settings.ts";
import type { Pacer } from "./pacer.ts";
import { Pulling } from "./pulling.ts";
import { Unread } from "./unread.ts";

/** What a dispatcher asks of its link, and tells it. */
export interface DispatcherOwner {
  /** What whoever asks now is told, undefined where the connection is open. */
  refusal(): ClosedError | undefined;
  /** A handler threw, or rejected. */
  onHandlerFailed(error: unknown): void;
  /** Whoever waits for handlers to be done looks again: none is under way, and nothing waits for one. */
  onHandlersIdle(): void;
  /** The connection is over, and so is the delivery of what came over it. @param error Why something was not delivered. */
  onDelivered(error: TimeoutError | undefined): void;
}

/** What a dispatcher is made of. */
export interface DispatcherParts<Context> {
  readonly connection: Connection<Context>;
  readonly handlers: Handlers<Context>;
  readonly endpoint: Endpoint;
  readonly pacer: Pacer;
  readonly owner: DispatcherOwner;
  readonly deadlines: Deadlines;
  readonly settings: ConnectionSettings;
}

/** A ping or a pong that waits for its handler. */
class Control {
  readonly isPing: boolean;
  readonly payload: Uint8Array;

  constructor(isPing: boolean, payload: Uint8Array) {
    this.isPing = isPing;
    this.payload = payload;
  }

  get length(): number {
    return this.payload.length;
  }
}

/** A message that waits for its handler. Pieces of an Incoming are counted by themselves. */
type WaitingMessage = Data | Incoming;

/**
 * "open": what comes is delivered. "over": the connection has ended, and what came over it is delivered still. "stopped":
 * nothing is delivered any more.
 */
type Phase = "open" | "over" | "stopped";

/** Calls the handlers, and awaits them; without handlers for messages, keeps those until somebody asks. */
export class Dispatcher<Context> {
  readonly #connection: Connection<Context>;
  readonly #handlers: Handlers<Context>;
  readonly #endpoint: Endpoint;
  readonly #pacer: Pacer;
  readonly #owner: DispatcherOwner;
  readonly #deadlines: Deadlines;
  readonly #settings: ConnectionSettings;
  readonly #isBorrowing: boolean;
  #phase: Phase = "open";
  /** Promises of handlers that are not settled. */
  #waits = 0;
  /** Those among them of `ping` and `pong`: one at the most. */
  #controlWaits = 0;
  /** Whether one of them is that of `open`, which may last as long as the connection. */
  #isOpening = false;
  // All below are made when they are needed: most connections are idle.
  #queue: Fifo<WaitingMessage> | undefined;
  #controls: Fifo<Control> | undefined;
  #unread: Unread | undefined;
  #memory: MessageMemory | undefined;
  #pulling: Pulling | undefined;
  /** The message that comes piece by piece. */
  #incoming: Incoming | undefined;
  #done: (() => void) | undefined;
  #failed: ((error: unknown) => void) | undefined;
  #deadline: Deadline | undefined;

  constructor(parts: DispatcherParts<Context>) {
    const { handlers, settings } = parts;
    this.#connection = parts.connection;
    this.#handlers = handlers;
    this.#endpoint = parts.endpoint;
    this.#pacer = parts.pacer;
    this.#owner = parts.owner;
    this.#deadlines = parts.deadlines;
    this.#settings = settings;
    this.#isBorrowing = settings.borrow && handlers.message !== undefined;
    if (handlers.stream !== undefined) this.#endpoint.stream(true);
  }

  /** Those who ask for messages. @throws {TypeError} There is a handler for them. */
  get pulling(): Pulling {
    if (this.#isHandled) {
      throw new TypeError("Messages go to the handlers: without message and stream, ask for them");
    }
    return this.#makePulling();
  }

  /** Whether a handler is under way, or something waits for one. */
  get isBusy(): boolean {
    return this.#waits > 0 || this.#left > 0;
  }

  /**
   * Whether a message that has come is being handled, or waits to be: `open` counts not, nor what waits for it alone, nor one
   * that has come in part.
   */
  get isHandling(): boolean {
    if (this.#incoming !== undefined) return false;
    return this.#isOpening ? this.#waits > 1 : this.isBusy;
  }

  /** Whether what is sent now may be a handler's, or a loop's, answer to what has just come. */
  get isWorking(): boolean {
    return this.#waits > 0 || this.#pulling?.isGiven === true;
  }

  /** The connection is open. */
  open(): void {
    const result = this.#call(() => this.#handlers.open?.(this.#connection));
    if (!isPromise(result)) return;
    if (this.#isHandled) {
      this.#isOpening = true;
      this.#await(result, () => {
        this.#isOpening = false;
      });
      return;
    }
    // A handler that asks for messages itself would wait for ever if it were waited for.
    whenSettled(result, undefined, (error) => {
      this.#owner.onHandlerFailed(error);
    });
  }

  /** A message has come that is the receiver's own. Called for each: in the open, without a closure. */
  deliver(data: Data): void {
    const handlers = this.#handlers;
    if (handlers.message === undefined) {
      this.#makePulling().inbox.push(data);
    } else if (this.isBusy) {
      this.#enqueue(data);
    } else {
      this.#callMessage(data);
    }
  }

  /** A chunk comes that lies in memory of its own: messages may stay there. */
  beginChunk(chunk: Uint8Array): void {
    if (!this.#isBorrowing) this.#makeCopies().begin(chunk);
  }

  /** A binary message has come; unless it is the receiver's own, it is made so for those who may keep it. */
  deliverBytes(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
    if (isOwned) this.deliver(bytes);
    // What waits keeps no more alive than what it is counted for.
    else if (this.#handlers.message !== undefined && this.isBusy) {
      this.#enqueue(copyOf(bytes, start, end));
    } else if (this.#isBorrowing) this.deliver(viewOf(bytes, start, end));
    else this.deliver(this.#makeCopies().take(bytes, start, end));
  }

  /** All that has come is delivered, or waits. */
  idle(): void {
    this.#memory?.end();
  }

  /** A message begins that comes piece by piece. */
  begin(isText: boolean): void {
    if (this.#handlers.stream === undefined) {
      this.#makePulling().inbox.begin(isText);
      return;
    }
    const incoming = new Incoming(isText, this.#makeUnread());
    this.#incoming = incoming;
    if (this.isBusy) this.#enqueue(incoming);
    else this.#callStream(incoming);
  }

  /** A piece of it has come. */
  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.#incoming === undefined) this.#pulling?.inbox.add(bytes, start, end);
    else this.#incoming.add(bytes, start, end);
  }

  /** It is complete. */
  complete(): void {
    if (this.#incoming === undefined) {
      this.#pulling?.inbox.complete();
      return;
    }
    this.#incoming.complete();
    this.#incoming = undefined;
  }

  /** A ping has come. */
  ping(bytes: Uint8Array, start: number, end: number): void {
    if (this.#handlers.ping !== undefined) this.#control(true, bytes, start, end);
  }

  /** A pong has come. */
  pong(bytes: Uint8Array, start: number, end: number): void {
    if (this.#handlers.pong !== undefined) this.#control(false, bytes, start, end);
  }

  /** The unsent bytes have come down to the mark. Called at once: a handler at work may wait for it. */
  drained(): void {
    const { drain } = this.#handlers;
    if (drain === undefined) return;
    const result = this.#call(() => drain.call(this.#handlers, this.#connection));
    if (isPromise(result)) this.#await(result);
  }

  /**
   * Nothing is delivered to handlers any more, though the peer may have ended the connection first; what was kept may still be
   * asked for.
   */
  cut(): void {
    this.#dropQueues();
    if (this.#phase === "open") {
      this.#phase = "stopped";
    } else if (this.#phase === "over") {
      // Not inside of whatever called: that may be a handler, and this leads to the last one.
      queueMicrotask(() => {
        if (this.#phase === "over") this.#checkDelivered();
      });
    }
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
    const incoming = this.#incoming;
    this.#incoming = undefined;
    incoming?.fail(reason());
    this.#pulling?.inbox.end(reason);
    if (this.#phase === "open") this.#phase = "over";
    this.#checkDelivered();
  }

  /** Messages, pings and pongs that wait for their handlers. */
  get #left(): number {
    return (this.#queue?.length ?? 0) + (this.#controls?.length ?? 0);
  }

  get #isHandled(): boolean {
    return this.#handlers.message !== undefined || this.#handlers.stream !== undefined;
  }

  #makeCopies(): MessageMemory {
    return (this.#memory ??= new MessageMemory(this.#settings.ownBufferSize));
  }

  #makeUnread(): Unread {
    return (this.#unread ??= new Unread(this.#pacer, this.#settings.receiveHighWaterMark));
  }

  #makePulling(): Pulling {
    if (this.#pulling !== undefined) return this.#pulling;
    this.#pulling = new Pulling(this.#endpoint, this.#pacer, this.#deadlines, this.#makeUnread());
    const refusal = this.#owner.refusal();
    if (refusal !== undefined) this.#pulling.inbox.end(() => refusal);
    return this.#pulling;
  }

  #control(isPing: boolean, bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase !== "open") return;
    const control = new Control(isPing, copyOf(bytes, start, end));
    if (this.#controlWaits === 0) {
      this.#callControl(control);
      return;
    }
    this.#controls ??= new Fifo<Control>();
    this.#controls.push(control);
    this.#makeUnread().add(control.length);
  }

  #dropQueues(): void {
    this.#queue = undefined;
    this.#controls = undefined;
  }

  #enqueue(entry: WaitingMessage): void {
    this.#queue ??= new Fifo<WaitingMessage>();
    this.#queue.push(entry);
    this.#makeUnread().add(entry instanceof Incoming ? 0 : entry.length);
  }

  /** Delivers what waits, as far as no handler is waited for. */
  #run(): void {
    while (this.#controlWaits === 0 && this.#phase !== "stopped") {
      const control = this.#controls?.shift();
      if (control === undefined) break;
      this.#callControl(control);
      this.#unread!.remove(control.length);
    }
    while (this.#waits === 0 && this.#phase !== "stopped") {
      const entry = this.#queue?.shift();
      if (entry === undefined) break;
      this.#pacer.given();
      if (entry instanceof Incoming) this.#callStream(entry);
      else this.#callMessage(entry);
      // Behind the call: what there is room for now comes behind it.
      this.#unread!.remove(entry instanceof Incoming ? 0 : entry.length);
    }
    if (this.#phase === "over") this.#checkDelivered();
    if (this.#waits === 0) this.#pacer.settled();
    this.#owner.onHandlersIdle();
  }

  #callMessage(data: Data): void {
    let result: unknown;
    try {
      result = this.#handlers.message!(this.#connection, data);
    } catch (error) {
      this.#owner.onHandlerFailed(error);
      return;
    }
    if (result !== undefined && result !== sent && isPromise(result)) this.#await(result);
  }

  #callControl({ isPing, payload }: Control): void {
    const handlers = this.#handlers;
    const result = this.#call(() =>
      isPing
        ? handlers.ping!(this.#connection, payload)
        : handlers.pong!(this.#connection, payload),
    );
    if (!isPromise(result)) return;
    this.#controlWaits++;
    this.#await(result, () => {
      this.#controlWaits--;
    });
  }

  /** Calls the handler for a stream; what that leaves unread is dropped when it is done. */
  #callStream(incoming: Incoming): void {
    const handlers = this.#handlers;
    const result = this.#call(() => handlers.stream!(this.#connection, incoming));
    const drop = (): void => {
      incoming.drop();
    };
    if (isPromise(result)) this.#await(result, drop);
    else drop();
  }

  /** Calls a handler; what it throws fails the connection. */
  #call(handler: () => unknown): unknown {
    try {
      return handler();
    } catch (error) {
      this.#owner.onHandlerFailed(error);
      return undefined;
    }
  }

  /** Waits for a handler's promise before anything else is delivered. @param first Done when it settles, either way. */
  #await(result: PromiseLike<unknown>, first?: () => void): void {
    this.#waits++;
    this.#done ??= () => {
      this.#waits--;
      this.#run();
    };
    this.#failed ??= (error) => {
      this.#waits--;
      this.#owner.onHandlerFailed(error);
      this.#run();
    };
    if (first === undefined) {
      whenSettled(result, this.#done, this.#failed);
      return;
    }
    const [done, failed] = [this.#done, this.#failed];
    whenSettled(
      result,
      () => {
        first();
        done();
      },
      (error) => {
        first();
        failed(error);
      },
    );
  }

  /**
   * Tells when the connection is over and nothing waits any more. A handler that does not settle would hold up what waits
   * behind it for ever: when it has not for as long as a closing handshake may take, that is dropped.
   */
  #checkDelivered(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    if (this.#left === 0) {
      this.#phase = "stopped";
      this.#owner.onDelivered(undefined);
      return;
    }
    const { closeTimeout } = this.#settings;
    this.#deadline = this.#deadlines.after(closeTimeout, () => {
      this.#phase = "stopped";
      this.#dropQueues();
      this.#owner.onDelivered(new TimeoutError("HANDLER_TIMEOUT", closeTimeout));
    });
  }
}
