/**
 * The handlers of one connection: called one at a time and in order, and awaited.
 *
 * Theory of operation. A handler is called at once where none is at work. Where one is, messages wait in a queue that is counted
 * (unread.ts). Each promise that a handler returns is a wait of its own, and the next message is handed out when none is left. Pings
 * and pongs wait only for the handlers of pings and pongs before them, because a message may be read for hours. Nothing else waits
 * for handlers, neither the reading of the connection nor its end.
 *
 * @module
 */

import { copyOf } from "../../bytes.ts";
import type { Deadline, Deadlines } from "../../clock.ts";
import { isPromise, whenSettled } from "../../deferred.ts";
import { TimeoutError } from "../../errors.ts";
import { Fifo } from "../../fifo.ts";
import type { Connection } from "../connection.ts";
import type { Data } from "../data.ts";
import type { ErrorThrower } from "../error-source.ts";
import type { Handlers } from "../handlers.ts";
import { sent } from "../send/flusher.ts";
import type { ConnectionSettings } from "../settings.ts";
import { Incoming } from "./incoming.ts";
import type { Pacer } from "./pacer.ts";
import { Unread } from "./unread.ts";

/** What a queue of handlers tells its link. */
export interface HandlerQueueOwner {
  /** Whether the process lives on for the connection. */
  readonly isHeld: boolean;
  /** A handler threw, or rejected. @param handler Which one. */
  onHandlerFailed(error: unknown, handler: ErrorThrower): void;
  /** No handler is under way, and nothing waits for one: those who wait for that look again. */
  onHandlersIdle(): void;
  /** The connection is over, and so is the delivery of what came over it. @param error Why something was not delivered. */
  onDelivered(error: TimeoutError | undefined): void;
}

/** What a queue of handlers is made of. */
export interface HandlerQueueParts<Context> {
  readonly connection: Connection<Context>;
  readonly handlers: Handlers<Context>;
  readonly pacer: Pacer;
  readonly owner: HandlerQueueOwner;
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

/** A text that waits for its handler as bytes. */
class TextBytes {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get length(): number {
    return this.bytes.length;
  }
}

/** A message that waits for its handler. Pieces of an Incoming are counted by themselves. */
type WaitingMessage = Data | TextBytes | Incoming;

/**
 * "open": what comes is delivered. "over": the connection has ended, and what came over it is delivered still. "stopped":
 * nothing is delivered any more.
 */
type Phase = "open" | "over" | "stopped";

/** Calls the handlers of one connection, and keeps what waits for them. */
export class HandlerQueue<Context> {
  readonly #connection: Connection<Context>;
  readonly #handlers: Handlers<Context>;
  readonly #pacer: Pacer;
  readonly #owner: HandlerQueueOwner;
  readonly #deadlines: Deadlines;
  readonly #settings: ConnectionSettings;
  #phase: Phase = "open";
  /** Promises of handlers that are not settled. */
  #waits = 0;
  /** Those among them of `ping` and `pong`: one at the most. */
  #controlWaits = 0;
  /** Whether one of them is that of `open`, which may last as long as the connection. */
  #isOpening = false;
  // All below are made when they are needed: most connections are idle.
  #messages: Fifo<WaitingMessage> | undefined;
  #controls: Fifo<Control> | undefined;
  #counter: Unread | undefined;
  #done: (() => void) | undefined;
  #failed: ((error: unknown) => void) | undefined;
  #deadline: Deadline | undefined;

  constructor(parts: HandlerQueueParts<Context>) {
    this.#connection = parts.connection;
    this.#handlers = parts.handlers;
    this.#pacer = parts.pacer;
    this.#owner = parts.owner;
    this.#deadlines = parts.deadlines;
    this.#settings = parts.settings;
  }

  /** Counts what of this connection nobody has read yet. */
  get unread(): Unread {
    return (this.#counter ??= new Unread(this.#pacer, this.#settings.receiveHighWaterMark));
  }

  /** Whether a handler is under way, or something waits for one. */
  get isBusy(): boolean {
    return this.#waits > 0 || this.#left > 0;
  }

  /** Whether a handler is under way. */
  get isWaiting(): boolean {
    return this.#waits > 0;
  }

  /** As {@link isBusy}, but for the handler of `open` and for what waits for it alone. */
  get isHandling(): boolean {
    return this.#isOpening ? this.#waits > 1 : this.isBusy;
  }

  /**
   * Calls the handler for the beginning.
   *
   * @param isAwaited Whether messages wait for it. A handler that asks for messages itself would then wait for ever.
   */
  open(isAwaited: boolean): void {
    const result = this.#call("open", () => this.#handlers.open?.(this.#connection));
    if (!isPromise(result)) return;
    if (isAwaited) {
      this.#isOpening = true;
      this.#await(result, "open", () => {
        this.#isOpening = false;
      });
      return;
    }
    whenSettled(result, undefined, (error) => {
      this.#owner.onHandlerFailed(error, "open");
    });
  }

  /** A message is there for its handler. Called for each message: plain, without a closure. */
  addMessage(data: Data, isText: boolean): void {
    if (!this.isBusy) this.#callMessage(data, isText);
    else this.#enqueue(isText && typeof data !== "string" ? new TextBytes(data) : data);
  }

  /** A message that comes in pieces is there for its handler. */
  addStream(incoming: Incoming): void {
    if (this.isBusy) this.#enqueue(incoming);
    else this.#callStream(incoming);
  }

  /** A ping or a pong is there for its handler. The payload is copied. */
  addControl(isPing: boolean, bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase !== "open") return;
    const control = new Control(isPing, copyOf(bytes, start, end));
    if (this.#controlWaits === 0) {
      this.#callControl(control);
      return;
    }
    this.#controls ??= new Fifo<Control>();
    this.#controls.push(control);
    this.unread.add(control.length);
  }

  /** The unsent bytes have come down to the mark. Called at once: a handler at work may wait for it. */
  drained(): void {
    const { drain } = this.#handlers;
    if (drain === undefined) return;
    const result = this.#call("drain", () => drain.call(this.#handlers, this.#connection));
    if (isPromise(result)) this.#await(result, "drain");
  }

  /** Calls no handler any more, though the peer may have ended the connection first. */
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

  /**
   * The connection is over. What waits for a handler is delivered still; `onDelivered` follows, at once where nothing waits.
   */
  end(): void {
    if (this.#phase === "open") this.#phase = "over";
    this.#checkDelivered();
  }

  /** Messages, pings and pongs that wait for their handlers. */
  get #left(): number {
    return (this.#messages?.length ?? 0) + (this.#controls?.length ?? 0);
  }

  #dropQueues(): void {
    this.#messages = undefined;
    this.#controls = undefined;
  }

  #enqueue(entry: WaitingMessage): void {
    this.#messages ??= new Fifo<WaitingMessage>();
    this.#messages.push(entry);
    this.unread.add(entry instanceof Incoming ? 0 : entry.length);
  }

  /** Delivers what waits, as far as no handler is waited for. */
  #run(): void {
    while (this.#controlWaits === 0 && this.#phase !== "stopped") {
      const control = this.#controls?.shift();
      if (control === undefined) break;
      this.#callControl(control);
      this.#counter!.remove(control.length);
    }
    while (this.#waits === 0 && this.#phase !== "stopped") {
      const entry = this.#messages?.shift();
      if (entry === undefined) break;
      this.#pacer.given();
      if (entry instanceof Incoming) this.#callStream(entry);
      else if (entry instanceof TextBytes) this.#callMessage(entry.bytes, true);
      else this.#callMessage(entry, typeof entry === "string");
      // After the call, because the room that this makes lets in messages that come behind this one.
      this.#counter!.remove(entry instanceof Incoming ? 0 : entry.length);
    }
    if (this.#phase === "over") this.#checkDelivered();
    if (this.#waits === 0) this.#pacer.settled();
    this.#owner.onHandlersIdle();
  }

  #callMessage(data: Data, isText: boolean): void {
    let result: unknown;
    try {
      result = this.#handlers.message!(this.#connection, data, isText);
    } catch (error) {
      this.#owner.onHandlerFailed(error, "message");
      return;
    }
    if (result !== undefined && result !== sent && isPromise(result)) {
      this.#await(result, "message");
    }
  }

  #callControl({ isPing, payload }: Control): void {
    const handlers = this.#handlers;
    const name = isPing ? "ping" : "pong";
    const result = this.#call(name, () =>
      isPing
        ? handlers.ping!(this.#connection, payload)
        : handlers.pong!(this.#connection, payload),
    );
    if (!isPromise(result)) return;
    this.#controlWaits++;
    this.#await(result, name, () => {
      this.#controlWaits--;
    });
  }

  /** Calls the handler for a stream; what that leaves unread is dropped when it is done. */
  #callStream(incoming: Incoming): void {
    const handlers = this.#handlers;
    const result = this.#call("stream", () => handlers.stream!(this.#connection, incoming));
    const drop = (): void => {
      incoming.drop();
    };
    if (isPromise(result)) this.#await(result, "stream", drop);
    else drop();
  }

  /** Calls a handler; what it throws fails the connection. */
  #call(name: ErrorThrower, handler: () => unknown): unknown {
    try {
      return handler();
    } catch (error) {
      this.#owner.onHandlerFailed(error, name);
      return undefined;
    }
  }

  /** Waits for a handler's promise before anything else is delivered. @param first Done when it settles, either way. */
  #await(result: PromiseLike<unknown>, name: ErrorThrower, first?: () => void): void {
    this.#waits++;
    this.#done ??= () => {
      this.#waits--;
      this.#run();
    };
    if (name === "message") {
      // One of each for all messages: most handlers are called for nothing else.
      this.#failed ??= (error) => {
        this.#handlerFailed(error, "message");
      };
      whenSettled(result, this.#done, this.#failed);
      return;
    }
    const done = this.#done;
    whenSettled(
      result,
      () => {
        first?.();
        done();
      },
      (error) => {
        first?.();
        this.#handlerFailed(error, name);
      },
    );
  }

  #handlerFailed(error: unknown, name: ErrorThrower): void {
    this.#waits--;
    this.#owner.onHandlerFailed(error, name);
    this.#run();
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
    const onDeadline = (): void => {
      this.#phase = "stopped";
      this.#dropQueues();
      this.#owner.onDelivered(new TimeoutError("HANDLER_TIMEOUT", closeTimeout));
    };
    this.#deadline = this.#deadlines.after(closeTimeout, onDeadline, this.#owner.isHeld);
  }
}
