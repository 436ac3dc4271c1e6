/**
 * Calls the handlers of one connection, one at a time and in order, and awaits them.
 *
 * Theory of operation. A handler is called at once if no handler is at work. Otherwise the message waits in a queue, and its size
 * is counted (unread.ts). Each promise that a handler returns adds one wait; the next message is delivered when there is no wait
 * left. Pings and pongs wait only for earlier handlers of pings and pongs, because the handler of a message may take hours. The
 * reading of the connection and its end do not wait for handlers.
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

/** The part of a link that its queue of handlers uses. */
export interface HandlerQueueOwner {
  readonly pacer: Pacer;
  readonly deadlines: Deadlines;
  readonly settings: ConnectionSettings;
  /** Whether the connection keeps the process alive. */
  readonly isHeld: boolean;
  /** A handler threw or rejected. @param handler Its name. */
  onHandlerFailed(error: unknown, handler: ErrorThrower): void;
  /** No handler is at work, and nothing waits for one. The link checks whether anything waits for this. */
  onHandlersIdle(): void;
  /**
   * The connection is over, and all its messages are delivered. @param error Why something was not delivered; undefined if all
   * was.
   */
  onDelivered(error: TimeoutError | undefined): void;
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

/** The bytes of a text that wait for their handler. */
class TextBytes {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get length(): number {
    return this.bytes.length;
  }
}

/** A message that waits for its handler. An Incoming counts its own pieces. */
type WaitingMessage = Data | TextBytes | Incoming;

/**
 * "open": messages are delivered. "over": the connection has ended, and received messages are still delivered. "stopped": nothing
 * more is delivered.
 */
type Phase = "open" | "over" | "stopped";

/** Calls the handlers of one connection, and keeps the messages that wait for them. */
export class HandlerQueue<Context> {
  readonly #connection: Connection<Context>;
  readonly #handlers: Handlers<Context>;
  readonly #owner: HandlerQueueOwner;
  #phase: Phase = "open";
  /** Number of handlers' promises that have not settled. */
  #waits = 0;
  /** Number of those promises that belong to `ping` or `pong`: 0 or 1. */
  #controlWaits = 0;
  /** Whether one of those promises belongs to `open`, which may last as long as the connection. */
  #isOpening = false;
  // The fields below are made on first use, because most connections are idle.
  #messages: Fifo<WaitingMessage> | undefined;
  #controls: Fifo<Control> | undefined;
  #counter: Unread | undefined;
  #done: (() => void) | undefined;
  #failed: ((error: unknown) => void) | undefined;
  #deadline: Deadline | undefined;

  constructor(
    connection: Connection<Context>,
    handlers: Handlers<Context>,
    owner: HandlerQueueOwner,
  ) {
    this.#connection = connection;
    this.#handlers = handlers;
    this.#owner = owner;
  }

  /** Counts the unread messages of the connection. */
  get unread(): Unread {
    return (this.#counter ??= new Unread(
      this.#owner.pacer,
      this.#owner.settings.receiveHighWaterMark,
    ));
  }

  /** Whether a handler is at work, or something waits for one. */
  get isBusy(): boolean {
    return this.#waits > 0 || this.#left() > 0;
  }

  /** Whether a handler is at work. */
  get isWaiting(): boolean {
    return this.#waits > 0;
  }

  /** As {@link isBusy}, but without the `open` handler and what waits for it alone. */
  get isHandling(): boolean {
    return this.#isOpening ? this.#waits > 1 : this.isBusy;
  }

  /**
   * Calls the `open` handler.
   *
   * @param isAwaited Whether messages wait for this handler. They must not if the handler itself asks for messages, since it
   * would wait for ever.
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

  /** A message is ready for its handler. Called for each message, so it makes no closure. */
  addMessage(data: Data, isText: boolean): void {
    if (!this.isBusy) this.#callMessage(data, isText);
    else this.#enqueue(isText && typeof data !== "string" ? new TextBytes(data) : data);
  }

  /** A message in pieces is ready for its handler. */
  addStream(incoming: Incoming): void {
    if (this.isBusy) this.#enqueue(incoming);
    else this.#callStream(incoming);
  }

  /** A ping or a pong is ready for its handler. The payload is copied. */
  addControl(isPing: boolean, bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase !== "open") return;
    const control = new Control(isPing, copyOf(bytes, start, end));
    // One that has waited may have made room for this one, while others still wait.
    if (this.#controlWaits === 0 && !this.#controls?.length) {
      this.#callControl(control);
      return;
    }
    this.#controls ??= new Fifo<Control>();
    this.#controls.push(control);
    this.unread.add(control.length);
  }

  /**
   * The unsent bytes have come down to the high-water mark. The handler is called at once, because a handler at work may wait for
   * this.
   */
  drained(): void {
    const { drain } = this.#handlers;
    if (drain === undefined) return;
    const result = this.#call("drain", () => drain.call(this.#handlers, this.#connection));
    if (isPromise(result)) this.#await(result, "drain");
  }

  /** Stops calling handlers, even if the peer has ended the connection first. */
  cut(): void {
    this.#dropQueues();
    if (this.#phase === "open") {
      this.#phase = "stopped";
    } else if (this.#phase === "over") {
      // Not inside the current call, because the caller may be a handler, and this leads to the `close` handler.
      queueMicrotask(() => {
        if (this.#phase === "over") this.#checkDelivered();
      });
    }
  }

  /**
   * The connection is over. Messages that wait for a handler are still delivered. Then `onDelivered` follows, at once if nothing
   * waits.
   */
  end(): void {
    if (this.#phase === "open") this.#phase = "over";
    this.#checkDelivered();
  }

  /**
   * Number of messages, pings and pongs that wait for their handlers. A method, since this is asked for each message: V8 asks its
   * runtime for a private getter at each access, which costs 10 to 20 ns.
   */
  #left(): number {
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

  /** Delivers what waits, until a handler has to be awaited. */
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
      this.#owner.pacer.given();
      if (entry instanceof Incoming) this.#callStream(entry);
      else if (entry instanceof TextBytes) this.#callMessage(entry.bytes, true);
      else this.#callMessage(entry, typeof entry === "string");
      // Only after the call, because the freed room lets in further messages, which must come after this one.
      this.#counter!.remove(entry instanceof Incoming ? 0 : entry.length);
    }
    if (this.#phase === "over") this.#checkDelivered();
    if (this.#waits === 0) this.#owner.pacer.settled();
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

  /** Calls the `stream` handler. When the handler is done, the unread rest of the message is dropped. */
  #callStream(incoming: Incoming): void {
    const handlers = this.#handlers;
    const result = this.#call("stream", () => handlers.stream!(this.#connection, incoming));
    const drop = (): void => {
      incoming.drop();
    };
    if (isPromise(result)) this.#await(result, "stream", drop);
    else drop();
  }

  /** Calls a handler. If it throws, the connection fails. */
  #call(name: ErrorThrower, handler: () => unknown): unknown {
    try {
      return handler();
    } catch (error) {
      this.#owner.onHandlerFailed(error, name);
      return undefined;
    }
  }

  /**
   * Lets the delivery wait for a handler's promise. @param first Called when the promise settles, before the delivery goes on.
   */
  #await(result: PromiseLike<unknown>, name: ErrorThrower, first?: () => void): void {
    this.#waits++;
    this.#done ??= () => {
      this.#waits--;
      this.#run();
    };
    if (name === "message") {
      // Made once for all messages, because most handlers are `message` handlers.
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
   * Reports the end of the delivery if the connection is over and nothing waits. A handler whose promise does not settle would
   * delay this for ever. So after `closeTimeout` the messages behind it are dropped.
   */
  #checkDelivered(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    if (this.#left() === 0) {
      this.#phase = "stopped";
      this.#owner.onDelivered(undefined);
      return;
    }
    const { closeTimeout } = this.#owner.settings;
    const onDeadline = (): void => {
      this.#phase = "stopped";
      this.#dropQueues();
      this.#owner.onDelivered(new TimeoutError("HANDLER_TIMEOUT", closeTimeout));
    };
    this.#deadline = this.#owner.deadlines.after(closeTimeout, onDeadline, this.#owner.isHeld);
  }
}
