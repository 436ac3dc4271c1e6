/**
 * Messages for those who ask for them: `receive()`, `receiveStream()` and `for await`.
 *
 * @module
 */

import type { Deadlines } from "../clock.ts";
import type { Endpoint } from "../endpoint/endpoint.ts";
import type { ClosedError } from "../errors.ts";
import type { Data } from "./handlers.ts";
import { Inbox, type InboxEvents, type ReceiveOptions, type Waiter } from "./inbox.ts";
import type { IncomingMessage } from "./incoming.ts";
import type { Receiver } from "./receiving.ts";

/** The pulled side of one connection: its inbox, and what that means for its receiver. */
export class Pulling implements InboxEvents {
  readonly #endpoint: Endpoint;
  readonly #receiver: Receiver;
  readonly inbox: Inbox;

  constructor(endpoint: Endpoint, receiver: Receiver, deadlines: Deadlines, highWaterMark: number) {
    this.#endpoint = endpoint;
    this.#receiver = receiver;
    this.inbox = new Inbox(this, deadlines, highWaterMark);
  }

  onFull(): void {
    this.#receiver.fill();
  }

  onRoom(): void {
    this.#receiver.makeRoom();
  }

  onGiven(): void {
    this.#receiver.pulled();
  }

  onStreaming(isWanted: boolean): void {
    this.#endpoint.stream(isWanted);
  }

  receive(options: ReceiveOptions): Promise<Data> {
    this.#pulled();
    return this.inbox.receive(options);
  }

  receiveStream(options: ReceiveOptions): Promise<IncomingMessage> {
    this.#pulled();
    return this.inbox.receiveStream(options);
  }

  /** Gives the messages from here on; leaving the loop leaves the connection open. */
  iterate(): AsyncIterator<Data, undefined> {
    return {
      next: () => this.#next(),
      return: () => Promise.resolve({ done: true, value: undefined }),
    };
  }

  #next(): Promise<IteratorResult<Data, undefined>> {
    this.#pulled();
    const data = this.inbox.take();
    if (data !== undefined) return Promise.resolve({ done: false, value: data });
    return new Promise((resolve, reject) => {
      this.inbox.wait(new Step(resolve, reject));
    });
  }

  /** What is sent for several messages leaves in one write, as it does for a handler. */
  #pulled(): void {
    if (this.inbox.isEmpty) this.#receiver.pulledAll();
    else this.#receiver.pulled();
  }
}

/** A step of a loop that waits for its message: one promise, where to await the inbox's would make three. */
class Step implements Waiter {
  readonly isStreamed = false;
  readonly #resolve: (result: IteratorResult<Data, undefined>) => void;
  readonly #reject: (reason: unknown) => void;

  constructor(
    resolve: (result: IteratorResult<Data, undefined>) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  give(data: Data): void {
    this.#resolve({ done: false, value: data });
  }

  fail(reason: unknown): void {
    if (isOrderly(reason as ClosedError)) this.#resolve({ done: true, value: undefined });
    else this.#reject(reason);
  }
}

/** Whether a connection ended as it should: a loop over its messages ends then, too. */
function isOrderly({ clean, initiator, cause }: ClosedError): boolean {
  return clean || (initiator === "local" && cause === undefined);
}
