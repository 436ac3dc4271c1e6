/**
 * The way from the transport's chunks to the endpoint, at the pace of the handlers.
 *
 * @module
 */

import { concat, noBytes } from "../bytes.ts";
import type { Endpoint } from "../endpoint/endpoint.ts";
import type { Transport } from "../transport.ts";
import type { Sender } from "./sending.ts";

/** What a receiver tells its link. */
export interface ReceiverEvents {
  /** All that has come is with the endpoint, and no handler is awaited. */
  onIdle(): void;
  /** A handler that was awaited has rejected. */
  onHandlerFailed(error: unknown): void;
}

/** What is called while a handler is awaited: made at the first one, not for each. */
interface Waiting {
  done(): void;
  failed(error: unknown): void;
  turn(): void;
}

/**
 * Microtasks that a handler may take before the peer is held back and what is gathered leaves without it: a handler
 * that only awaits `send` takes two, and its replies to a whole chunk then still make one write.
 */
const patience = 8;

/**
 * Gives an endpoint what comes, and stops it while a handler is awaited: what is left of the chunk is held, and the
 * transport is paused. Once this side has begun to close, nothing waits for handlers.
 */
export class Receiver {
  readonly #transport: Transport;
  readonly #endpoint: Endpoint;
  readonly #sender: Sender;
  readonly #events: ReceiverEvents;
  #isBusy = false;
  #isPaused = false;
  #held: Uint8Array = noBytes;
  #heldStart = 0;
  #turns = 0;
  #isCountingTurns = false;
  #waiting: Waiting | undefined;

  constructor(transport: Transport, endpoint: Endpoint, sender: Sender, events: ReceiverEvents) {
    this.#transport = transport;
    this.#endpoint = endpoint;
    this.#sender = sender;
    this.#events = events;
  }

  /** Whether a handler or a large message is waited for: what has come may still be on its way to the handlers. */
  get isBusy(): boolean {
    return this.#isBusy || this.#endpoint.isBusy;
  }

  /** Takes what came before there was a receiver, the bytes to keep, and goes through it unless a handler is awaited. */
  start(early: Uint8Array): void {
    this.#held = early;
    if (!this.#isBusy) this.#receiveHeld();
  }

  /** Takes a chunk, which is the caller's again afterwards. */
  receive(chunk: Uint8Array): void {
    if (this.isBusy) {
      this.#held = concat([this.#held.subarray(this.#heldStart), chunk]);
      this.#heldStart = 0;
      // However short its turns: no more than a chunk is taken in while a handler is at work.
      this.#pause();
      return;
    }
    this.#sender.gather();
    const taken = this.#endpoint.receive(chunk);
    if (taken < chunk.length) this.#held = chunk.slice(taken);
    this.#afterInput();
  }

  /** Stops delivery until a handler is done. */
  await(result: PromiseLike<unknown>): void {
    this.#waiting ??= {
      done: () => this.goOn(),
      failed: (error) => {
        this.#events.onHandlerFailed(error);
        this.goOn();
      },
      turn: () => this.#countTurn(),
    };
    result.then(this.#waiting.done, this.#waiting.failed);
    if (this.#endpoint.state !== "open") return;
    this.#isBusy = true;
    this.#endpoint.stop();
    this.#turns = 0;
    if (!this.#isCountingTurns) this.#countTurn();
  }

  /** Waits no longer for a handler, and goes through what is held. */
  goOn(): void {
    if (this.#isBusy) this.release();
  }

  /** Waits for nothing, and goes through what is held: this side has begun to close. */
  release(): void {
    this.#isBusy = false;
    this.#receiveHeld();
  }

  /** Goes through what is held behind a message that took a while. */
  resume(): void {
    if (!this.#isBusy) this.#receiveHeld();
  }

  /** Drops what is held, and waits for nothing. */
  stop(): void {
    this.#isBusy = false;
    this.#held = noBytes;
    this.#heldStart = 0;
  }

  #receiveHeld(): void {
    this.#sender.gather();
    if (this.#held.length > 0) {
      this.#heldStart = this.#endpoint.receive(this.#held, this.#heldStart);
      if (this.#heldStart === this.#held.length) {
        this.#held = noBytes;
        this.#heldStart = 0;
      }
    }
    this.#afterInput();
  }

  #afterInput(): void {
    if (this.#isBusy) return;
    this.#sender.flush();
    if (this.#endpoint.isBusy) {
      this.#pause();
      return;
    }
    this.#events.onIdle();
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#transport.resume();
  }

  /** Gives a handler its few microtasks. */
  #countTurn(): void {
    this.#isCountingTurns = this.#isBusy && this.#turns++ < patience;
    if (this.#isCountingTurns) {
      queueMicrotask(this.#waiting!.turn);
    } else if (this.#isBusy) {
      // It takes its time: what is gathered leaves, and the peer waits.
      this.#sender.flush();
      this.#pause();
    }
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#transport.pause();
  }
}
