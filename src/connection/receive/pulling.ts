/**
 * Gives messages to callers: `receive()`, `receiveStream()` and `for await`.
 *
 * @module
 */

import type { Deadlines } from "../../clock.ts";
import { quiet } from "../../deferred.ts";
import type { Endpoint } from "../../endpoint/endpoint.ts";
import type { ClosedError } from "../../errors.ts";
import type { Data } from "../data.ts";
import { Inbox, type InboxEvents, type ReceiveOptions, type Waiter } from "./inbox.ts";
import type { IncomingMessage } from "./incoming.ts";
import type { Pacer } from "./pacer.ts";
import type { Unread } from "./unread.ts";

/**
 * The messages of one connection that callers ask for. It holds the inbox, and lets answers to several messages leave in one
 * write.
 */
export class Pulling implements InboxEvents {
  readonly #endpoint: Endpoint;
  readonly #pacer: Pacer;
  readonly #owner: { readonly isHeld: boolean };
  readonly inbox: Inbox;
  /** Whether a caller has got a message and has not yet asked for the next one. */
  isGiven = false;

  /** @param owner Knows whether the connection keeps the process alive. */
  constructor(
    endpoint: Endpoint,
    pacer: Pacer,
    deadlines: Deadlines,
    unread: Unread,
    owner: { readonly isHeld: boolean },
  ) {
    this.#owner = owner;
    this.#endpoint = endpoint;
    this.#pacer = pacer;
    this.inbox = new Inbox(this, deadlines, unread);
  }

  get isHeld(): boolean {
    return this.#owner.isHeld;
  }

  onGiven(): void {
    this.isGiven = true;
    this.#pacer.given();
  }

  onStreaming(isWanted: boolean): void {
    this.#endpoint.setStreaming(isWanted);
  }

  receive(options: ReceiveOptions): Promise<Data> {
    this.#pulled();
    return this.inbox.receive(options);
  }

  receiveStream(options: ReceiveOptions): Promise<IncomingMessage> {
    this.#pulled();
    return this.inbox.receiveStream(options);
  }

  /**
   * Gives the messages from now on. Leaving the loop leaves the connection open.
   *
   * Each call of `next()` takes one message, even if nobody awaits its promise. So a caller must keep such a promise, and not
   * call `next()` again instead. `return()` ends the calls that wait.
   */
  iterate(): AsyncIterator<Data, undefined> {
    const steps = new Set<LoopStep>();
    return {
      next: () => this.#next(steps),
      return: () => {
        for (const step of steps) {
          this.inbox.leave(step);
          step.end();
        }
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #next(steps: Set<LoopStep>): Promise<IteratorResult<Data, undefined>> {
    this.#pulled();
    const data = this.inbox.take();
    if (data !== undefined) return Promise.resolve({ done: false, value: data });
    const result = new Promise<IteratorResult<Data, undefined>>((resolve, reject) => {
      const step = new LoopStep(steps, resolve, reject);
      steps.add(step);
      this.inbox.wait(step);
    });
    return quiet(result);
  }

  /** Gathers what is sent for several messages, so that it leaves in one write, as with a handler. */
  #pulled(): void {
    if (!this.inbox.isEmpty) {
      this.onGiven();
    } else if (this.isGiven) {
      this.isGiven = false;
      this.#pacer.settled();
    }
  }
}

/** A call of `next()` that waits for its message. It makes one promise; awaiting the inbox's promise would make three. */
class LoopStep implements Waiter {
  readonly isStreamed = false;
  readonly #steps: Set<LoopStep>;
  readonly #resolve: (result: IteratorResult<Data, undefined>) => void;
  readonly #reject: (reason: unknown) => void;

  constructor(
    steps: Set<LoopStep>,
    resolve: (result: IteratorResult<Data, undefined>) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#steps = steps;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  give(data: Data): void {
    this.#steps.delete(this);
    this.#resolve({ done: false, value: data });
  }

  /** Ends the wait. */
  end(): void {
    this.#steps.delete(this);
    this.#resolve({ done: true, value: undefined });
  }

  fail(reason: unknown): void {
    if (isOrderly(reason as ClosedError)) {
      this.end();
    } else {
      this.#steps.delete(this);
      this.#reject(reason);
    }
  }
}

/** Whether a connection ended without an error, so that a loop over its messages ends, too. */
function isOrderly({ clean, initiator, cause }: ClosedError): boolean {
  return clean || (initiator === "local" && cause === undefined);
}
