/**
 * Messages that wait to be asked for, and callers that wait for messages.
 *
 * Theory of operation. At any time there are messages or waiters, but never both: a new message goes to the waiter that came
 * first. A waiter gets one result, once: its message, or the error that there is none. Kept messages are counted, and beyond the
 * high-water mark framewire stops reading from the peer.
 *
 * @module
 */

import { milliseconds, type OptionTable, signal } from "../../check-options.ts";
import type { Deadline, Deadlines } from "../../clock.ts";
import { newDeferred, rejected } from "../../deferred.ts";
import { TimeoutError } from "../../errors.ts";
import { Fifo } from "../../fifo.ts";
import type { Signal } from "../../transport.ts";
import type { Data } from "../data.ts";
import { Incoming, type IncomingMessage, wholeMessage } from "./incoming.ts";
import type { Unread } from "./unread.ts";

/** How long a call waits for a message. */
export interface ReceiveOptions {
  /** Gives up when this signal aborts. The call rejects with the signal's reason. */
  readonly signal?: Signal | undefined;
  /** Milliseconds to wait. Then the call rejects with `TimeoutError` `RECEIVE_TIMEOUT`. Default: no limit. */
  readonly timeout?: number | undefined;
}

export const receiveTable: OptionTable<ReceiveOptions> = { signal, timeout: milliseconds };

/** The part of a connection that its inbox uses. */
export interface InboxEvents {
  /** A waiter has got a message that has just come. */
  onGiven(): void;
  /** Whether the connection keeps the process alive. */
  readonly isHeld: boolean;
  /** Sets whether the next message is delivered piece by piece. */
  onStreaming(isWanted: boolean): void;
}

/** A caller that waits. It gets one result, once. */
export interface Waiter {
  /** Whether it waits for the beginning of a message, and not for a whole one. */
  readonly isStreamed: boolean;
  /** Gives the message. */
  give(data: Data | IncomingMessage): void;
  /** Reports that no message comes any more. */
  fail(reason: unknown): void;
}

/**
 * Gives each message to one caller, in the order of the calls. Messages that nobody has asked for are kept; beyond a number of
 * bytes framewire stops reading from the peer.
 */
export class Inbox {
  readonly #events: InboxEvents;
  readonly #deadlines: Deadlines;
  readonly #unread: Unread;
  readonly #messages = new Fifo<Data>();
  #waiters: Waiter[] = [];
  #incoming: Incoming | undefined;
  #isStreaming = false;
  #overWith: (() => unknown) | undefined;

  /** @param unread Counts the kept messages. */
  constructor(events: InboxEvents, deadlines: Deadlines, unread: Unread) {
    this.#events = events;
    this.#deadlines = deadlines;
    this.#unread = unread;
  }

  /** Whether no message waits to be asked for. */
  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** Adds a whole message. */
  push(data: Data): void {
    const waiter = this.#nextWaiter();
    if (waiter === undefined) {
      this.#messages.push(data);
      this.#unread.add(data.length);
    } else {
      waiter.give(waiter.isStreamed ? wholeMessage(data) : data);
      this.#events.onGiven();
    }
  }

  /** Begins a message that is delivered piece by piece. */
  begin(isText: boolean): void {
    this.#incoming = new Incoming(isText, this.#unread);
    // There is a waiter: without one that waits for a beginning, messages come whole.
    this.#nextWaiter()!.give(this.#incoming);
  }

  /** Adds a piece of the message. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#incoming?.add(bytes, start, end);
  }

  /** Completes the message. */
  complete(): void {
    this.#incoming?.complete();
    this.#incoming = undefined;
  }

  /** Gives the next message, at once or when it comes. */
  receive(options: ReceiveOptions): Promise<Data> {
    const data = this.take();
    return data === undefined
      ? (this.#ask(false, options) as Promise<Data>)
      : Promise.resolve(data);
  }

  /** Gives the next message as a stream, if possible before it is complete. */
  receiveStream(options: ReceiveOptions): Promise<IncomingMessage> {
    const data = this.take();
    return data === undefined
      ? (this.#ask(true, options) as Promise<IncomingMessage>)
      : Promise.resolve(wholeMessage(data));
  }

  /** The connection is over. Callers get the remaining messages, and then the error that `reason` makes. */
  end(reason: () => unknown): void {
    this.#overWith ??= reason;
    this.#incoming?.fail(this.#overWith());
    this.#incoming = undefined;
    for (const waiter of this.#waiters.splice(0)) waiter.fail(this.#overWith());
    this.#checkStreaming();
  }

  /** This side has closed: drops the remaining messages. */
  clear(reason: () => unknown): void {
    for (const data of this.#messages.takeAll()) this.#unread.remove(data.length);
    this.end(reason);
  }

  /** Gives the next message, if there is one. */
  take(): Data | undefined {
    const data = this.#messages.shift();
    if (data !== undefined) this.#unread.remove(data.length);
    return data;
  }

  /** Adds a waiter behind those that already wait. Use {@link take} if there is a message. */
  wait(waiter: Waiter): void {
    if (this.#overWith !== undefined) {
      waiter.fail(this.#overWith());
      return;
    }
    this.#waiters.push(waiter);
    this.#checkStreaming();
  }

  /** Removes a waiter. */
  leave(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
    this.#checkStreaming();
  }

  /** Waits as long as the options say. */
  #ask(
    isStreamed: boolean,
    { signal, timeout = Infinity }: ReceiveOptions,
  ): Promise<Data | IncomingMessage> {
    if (this.#overWith !== undefined) return rejected(this.#overWith());
    if (signal?.aborted === true) return rejected(signal.reason);
    const deferred = newDeferred<Data | IncomingMessage>();
    const giveUp = (reason: unknown): void => {
      this.leave(waiter);
      waiter.fail(reason);
    };
    const onAbort = (): void => {
      giveUp(signal!.reason);
    };
    const deadline: Deadline | undefined =
      timeout === Infinity
        ? undefined
        : this.#deadlines.after(
            timeout,
            () => {
              giveUp(new TimeoutError("RECEIVE_TIMEOUT", timeout));
            },
            this.#events.isHeld,
          );
    signal?.addEventListener("abort", onAbort);
    const stop = (): void => {
      deadline?.cancel();
      signal?.removeEventListener("abort", onAbort);
    };
    const waiter: Waiter = {
      isStreamed,
      give(data) {
        stop();
        deferred.resolve(data);
      },
      fail(reason) {
        stop();
        deferred.reject(reason);
      },
    };
    this.wait(waiter);
    return deferred.promise;
  }

  #nextWaiter(): Waiter | undefined {
    const waiter = this.#waiters.shift();
    if (waiter !== undefined) this.#checkStreaming();
    return waiter;
  }

  #checkStreaming(): void {
    const isWanted = this.#waiters.length > 0 && this.#waiters[0].isStreamed;
    if (isWanted === this.#isStreaming) return;
    this.#isStreaming = isWanted;
    this.#events.onStreaming(isWanted);
  }
}
