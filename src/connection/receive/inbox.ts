/**
 * Messages that wait to be asked for, and those who wait for messages.
 *
 * Theory of operation. At any time there are messages, or there are waiters, never both: a message that comes goes to the waiter who
 * came first. A waiter is told one thing, once: its message, or that none comes any more. Kept messages are counted, and beyond the
 * mark the peer is held back.
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
  /** Gives up when it is aborted, with its reason. */
  readonly signal?: Signal | undefined;
  /** Milliseconds; then `TimeoutError` `RECEIVE_TIMEOUT`. Default: no limit. */
  readonly timeout?: number | undefined;
}

/** What the options may be. */
export const receiveTable: OptionTable<ReceiveOptions> = { signal, timeout: milliseconds };

/** What an inbox tells. */
export interface InboxEvents {
  /** Somebody who waited has been given a message, as it came. */
  onGiven(): void;
  /** Whether the process lives on for the connection. */
  readonly isHeld: boolean;
  /** Whether the next message is wanted piece by piece. */
  onStreaming(isWanted: boolean): void;
}

/** Somebody who waits, and is told one thing, once. */
export interface Waiter {
  /** Whether for the beginning of a message, rather than a whole one. */
  readonly isStreamed: boolean;
  /** Here it is. */
  give(data: Data | IncomingMessage): void;
  /** Nothing comes any more. */
  fail(reason: unknown): void;
}

/**
 * Gives each message to one who asks, in the order of the calls; what nobody has asked for yet is kept, and from some
 * bytes of it on the peer is held back.
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

  /** @param unread Counts what waits. */
  constructor(events: InboxEvents, deadlines: Deadlines, unread: Unread) {
    this.#events = events;
    this.#deadlines = deadlines;
    this.#unread = unread;
  }

  /** Whether no message waits to be asked for. */
  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  /** Takes a message in. */
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

  /** Takes in the beginning of a message that was wanted piece by piece. */
  begin(isText: boolean): void {
    this.#incoming = new Incoming(isText, this.#unread);
    // There is one: where nobody waits for a beginning, messages come whole.
    this.#nextWaiter()!.give(this.#incoming);
  }

  /** Takes in a piece of it. */
  add(bytes: Uint8Array, start: number, end: number): void {
    this.#incoming?.add(bytes, start, end);
  }

  /** It is complete. */
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

  /** Gives the next message, where it can be before it is complete. */
  receiveStream(options: ReceiveOptions): Promise<IncomingMessage> {
    const data = this.take();
    return data === undefined
      ? (this.#ask(true, options) as Promise<IncomingMessage>)
      : Promise.resolve(wholeMessage(data));
  }

  /** Nothing more comes. Those who ask get what is left, and then the error that `reason` makes. */
  end(reason: () => unknown): void {
    this.#overWith ??= reason;
    this.#incoming?.fail(this.#overWith());
    this.#incoming = undefined;
    for (const waiter of this.#waiters.splice(0)) waiter.fail(this.#overWith());
    this.#checkStreaming();
  }

  /** This side has closed: what is left is not wanted any more either. */
  clear(reason: () => unknown): void {
    for (const data of this.#messages.takeAll()) this.#unread.remove(data.length);
    this.end(reason);
  }

  /** Gives the next message where there is one. */
  take(): Data | undefined {
    const data = this.#messages.shift();
    if (data !== undefined) this.#unread.remove(data.length);
    return data;
  }

  /** Puts somebody into the line, behind those who wait already. Where there is a message, {@link take} it. */
  wait(waiter: Waiter): void {
    if (this.#overWith !== undefined) {
      waiter.fail(this.#overWith());
      return;
    }
    this.#waiters.push(waiter);
    this.#checkStreaming();
  }

  /** Takes somebody out of the line again. */
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
