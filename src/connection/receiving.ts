/**
 * The way from the transport's chunks to the endpoint, at the pace of whoever takes the messages.
 *
 * @module
 */

import type { Endpoint } from "../endpoint/endpoint.ts";
import type { Transport } from "../transport.ts";
import { Held } from "./held.ts";
import type { Sender } from "./sending.ts";

/** What a receiver tells its link. */
export interface ReceiverEvents {
  /** All that has come is with the endpoint, and nobody is waited for. */
  onIdle(): void;
  /** A handler that was awaited has rejected. */
  onHandlerFailed(error: unknown): void;
}

/** What is called while a handler is awaited: made at the first one, not for each. */
interface Waiting {
  done(): void;
  failed(error: unknown): void;
  turned(): void;
}

/**
 * Gives an endpoint what comes, and stops it while a handler is awaited, or while too much is unread: what is left of
 * the chunk is held, and the transport is paused. Once this side has begun to close, nothing is waited for.
 */
export class Receiver {
  readonly #transport: Transport;
  readonly #endpoint: Endpoint;
  readonly #sender: Sender;
  readonly #events: ReceiverEvents;
  readonly #afterTurn: (task: () => void) => void;
  #isAwaiting = false;
  #isFull = false;
  #hasEnded = false;
  /** Whether the loop over what has come is under way: it goes on by itself. */
  #isReceiving = false;
  #isPaused = false;
  // Made when something has to wait.
  #held: Held | undefined;
  /** Whether the end of the turn is waited for. */
  #isTurnGiven = false;
  /** Whether somebody who pulls is given the turn, rather than a handler. */
  #isPulled = false;
  #waiting: Waiting | undefined;

  /** @param afterTurn Calls a task once what the event loop has at hand is done, microtasks included. */
  constructor(
    transport: Transport,
    endpoint: Endpoint,
    sender: Sender,
    events: ReceiverEvents,
    afterTurn: (task: () => void) => void,
  ) {
    this.#transport = transport;
    this.#endpoint = endpoint;
    this.#sender = sender;
    this.#events = events;
    this.#afterTurn = afterTurn;
  }

  /** Whether something is waited for: what has come may still be on its way. */
  get isBusy(): boolean {
    return this.#isAwaiting || this.#isFull || this.#endpoint.isBusy;
  }

  /** Whether the peer is held back. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Takes what came before there was a receiver, the bytes to keep, and goes through it unless a handler is awaited. */
  start(early: Uint8Array): void {
    this.#hold(early, 0);
    this.resume();
  }

  /** Takes a chunk, which is the caller's again afterwards. */
  receive(chunk: Uint8Array): void {
    if (this.isBusy) {
      this.#hold(chunk, 0);
      // However short its turns: no more than a chunk is taken in while somebody is waited for.
      this.#pause();
      return;
    }
    this.#sender.gather();
    this.#isReceiving = true;
    const taken = this.#endpoint.receive(chunk);
    this.#isReceiving = false;
    this.#hold(chunk, taken);
    // What made the endpoint stop may be over by now.
    if (this.isBusy) this.#afterInput();
    else this.resume();
  }

  /** Stops delivery until a handler is done. */
  await(result: PromiseLike<unknown>): void {
    const waiting = this.#makeWaiting();
    result.then(waiting.done, waiting.failed);
    if (this.#endpoint.state !== "open") return;
    this.#isAwaiting = true;
    this.#endpoint.stop();
    this.#giveTurn(false);
  }

  /** Stops delivery until {@link makeRoom}: enough is unread. */
  fill(): void {
    if (this.#hasEnded || this.#endpoint.state !== "open") return;
    this.#isFull = true;
    this.#endpoint.stop();
  }

  /** Nothing more comes: what is held by now is gone through, whoever reads it when. */
  end(): void {
    this.#hasEnded = true;
    if (this.#isFull) this.makeRoom();
  }

  /** Goes on: what was unread has been read. */
  makeRoom(): void {
    this.#isFull = false;
    this.resume();
  }

  /** Somebody has got a message: what is sent for it leaves together with what is sent for those behind it. */
  pulled(): void {
    this.#sender.gather();
    this.#giveTurn(true);
  }

  /** Nothing is left to take: what was gathered leaves. */
  pulledAll(): void {
    if (this.#isPulled) this.#sender.flush();
    this.#isPulled = false;
  }

  /** Waits no longer for a handler, and goes through what is held. */
  goOn(): void {
    if (!this.#isAwaiting) return;
    this.#isAwaiting = false;
    this.resume();
  }

  /** Waits for nothing, and goes through what is held: this side has begun to close. */
  release(): void {
    this.#isAwaiting = false;
    this.#isFull = false;
    this.resume();
  }

  /** Goes through what is held, as far as nothing is waited for. */
  resume(): void {
    if (this.#isReceiving || this.#isAwaiting || this.#isFull) return;
    this.#sender.gather();
    const held = this.#held;
    while (held !== undefined && !held.isEmpty && !this.isBusy) {
      this.#isReceiving = true;
      held.giveTo(this.#endpoint);
      this.#isReceiving = false;
    }
    this.#afterInput();
  }

  /** Drops what is held, and waits for nothing. */
  stop(): void {
    this.#isAwaiting = false;
    this.#isFull = false;
    this.#held?.drop();
  }

  #hold(chunk: Uint8Array, start: number): void {
    if (start === chunk.length) return;
    this.#held ??= new Held();
    this.#held.add(chunk, start);
  }

  #afterInput(): void {
    if (this.#isAwaiting) return;
    // A loop that was given the first message of a chunk will ask for the others; a close frame waits for no loop.
    if (!this.#isPulled || this.#endpoint.state !== "open") this.#sender.flush();
    if (this.isBusy) {
      this.#pause();
      return;
    }
    this.#events.onIdle();
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#transport.resume();
  }

  #makeWaiting(): Waiting {
    return (this.#waiting ??= {
      done: () => {
        this.goOn();
      },
      failed: (error) => {
        this.#events.onHandlerFailed(error);
        this.goOn();
      },
      turned: () => {
        this.#turned();
      },
    });
  }

  /**
   * Gives a handler, or a loop, the turn of the event loop: a handler that only awaits `send`, or whatever else is there
   * already, is done by then, and its replies to a whole chunk make one write.
   */
  #giveTurn(isPulled: boolean): void {
    this.#isPulled = isPulled;
    if (this.#isTurnGiven) return;
    this.#isTurnGiven = true;
    this.#afterTurn(this.#makeWaiting().turned);
  }

  #turned(): void {
    this.#isTurnGiven = false;
    if (!this.#isAwaiting && !this.#isPulled) return;
    // It takes its time: what is gathered leaves, and the peer waits for a handler.
    this.#isPulled = false;
    this.#sender.flush();
    if (this.#isAwaiting) this.#pause();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#transport.pause();
  }
}
