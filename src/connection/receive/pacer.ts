/**
 * The pace at which a connection reads. What comes goes to the endpoint at once, also while handlers work on what came before. The
 * peer is held back only where too much is unread.
 *
 * So control frames are answered and acted upon while a handler works. Messages wait for their handler, or for a caller that
 * asks for them, in a queue that is bounded (unread.ts): when that is full the endpoint stops, what is left of the chunk is held,
 * and the transport is paused.
 *
 * @module
 */

import type { Endpoint } from "../../endpoint/endpoint.ts";
import type { Transport } from "../../transport.ts";
import type { Flusher } from "../send/flusher.ts";
import { PendingInput } from "./pending-input.ts";
import type { UnreadEvents } from "./unread.ts";

/** What a pacer asks of its link, and tells it. */
export interface PacerEvents {
  /** Whether a handler, or a loop, is at work on a message: what it sends leaves together. */
  readonly isWorking: boolean;
  /** All that has come is with the endpoint. */
  onIdle(): void;
}

/**
 * What comes: "open" is taken in, "full" waits until enough is read, "limited" until a limit lets it in, "shut" waits for ever, "released" is taken in whatever
 * is unread, since the connection ends, "stopped" is dropped.
 */
type Intake = "open" | "full" | "limited" | "shut" | "released" | "stopped";

/** Gives an endpoint what comes, and holds it back while too much is unread. */
export class Pacer implements UnreadEvents {
  readonly #transport: Transport;
  readonly #endpoint: Endpoint;
  readonly #flusher: Flusher;
  readonly #events: PacerEvents;
  readonly #afterTurn: (task: () => void) => void;
  #intake: Intake = "open";
  /** Whether the loop over what has come is under way: it goes on by itself. */
  #isReceiving = false;
  /** Whether the transport is paused. */
  #isPaused = false;
  /** What is told the end of the turn, while that is awaited; made at the first time, and not for each. */
  #turned: (() => void) | undefined;
  #isTurnAwaited = false;
  // Made when something has to wait.
  #held: PendingInput | undefined;

  /** @param afterTurn Calls a task once what the event loop has at hand is done, microtasks included. */
  constructor(
    transport: Transport,
    endpoint: Endpoint,
    flusher: Flusher,
    events: PacerEvents,
    afterTurn: (task: () => void) => void,
  ) {
    this.#transport = transport;
    this.#endpoint = endpoint;
    this.#flusher = flusher;
    this.#events = events;
    this.#afterTurn = afterTurn;
  }

  /** Whether what has come may still be on its way to the endpoint. */
  get isBlocked(): boolean {
    const intake = this.#intake;
    return intake === "full" || intake === "limited" || intake === "shut" || this.#endpoint.isBusy;
  }

  /** Whether the peer is held back. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Takes what came before there was a pacer, the bytes to keep. */
  start(early: Uint8Array): void {
    this.#hold(early, 0);
    this.resume();
  }

  /** Takes a chunk, which is the caller's again afterwards. */
  receive(chunk: Uint8Array): void {
    if (this.isBlocked) {
      this.#hold(chunk, 0);
      // At once, not at the end of the turn: while a handler is waited for, no more than one chunk is taken in.
      this.#pause();
      return;
    }
    this.#flusher.gather();
    this.#isReceiving = true;
    const taken = this.#endpoint.receive(chunk);
    this.#isReceiving = false;
    if (taken < chunk.length) this.#hold(chunk, taken);
    // What made the endpoint stop may be over by now.
    this.#goThroughHeld();
    this.#afterInput();
  }

  onFull(): void {
    // What comes while the connection ends is not kept from it.
    if (this.#intake !== "open" || !this.#endpoint.isDelivering) return;
    this.#intake = "full";
    this.#endpoint.stop();
  }

  onRoom(): void {
    if (this.#intake !== "full") return;
    this.#intake = "open";
    this.resume();
  }

  /** A limit of messages is reached: nothing is taken in until it is lifted, however little is unread. */
  limit(): void {
    if ((this.#intake !== "open" && this.#intake !== "full") || !this.#endpoint.isDelivering)
      return;
    this.#intake = "limited";
    this.#endpoint.stop();
  }

  /** The limit is lifted. @param isFull Whether too much is unread all the same. */
  lift(isFull: boolean): void {
    if (this.#intake !== "limited") return;
    this.#intake = isFull ? "full" : "open";
    this.resume();
  }

  /** Takes nothing in any more, until the connection ends: what has come is enough. */
  shut(): void {
    if (!["open", "full", "limited"].includes(this.#intake)) return;
    this.#intake = "shut";
    this.#endpoint.stop();
    this.#pause();
  }

  /** The connection ends: what is held, and what still comes, is gone through whatever is unread. */
  takeRestAtEnd(): void {
    if (this.#intake !== "stopped") this.#intake = "released";
    this.resume();
  }

  /** Drops what is held, and what still comes. */
  stop(): void {
    this.#intake = "stopped";
    this.#held?.drop();
  }

  /** Goes through what is held, as far as it may. */
  resume(): void {
    if (this.#isReceiving || this.isBlocked) return;
    this.#flusher.gather();
    this.#goThroughHeld();
    this.#afterInput();
  }

  /** Somebody has got a message that waited: what is sent for it leaves together with what is sent for those behind it. */
  given(): void {
    this.#flusher.gather();
    this.#awaitTurn();
  }

  /** No handler is waited for any more. What was gathered leaves now, or at the end of the chunk that is being gone through. */
  settled(): void {
    if (!this.#isReceiving) this.#flusher.flush();
  }

  #hold(chunk: Uint8Array, start: number): void {
    if (start === chunk.length || this.#intake === "stopped") return;
    this.#held ??= new PendingInput();
    this.#held.add(chunk, start);
  }

  #goThroughHeld(): void {
    const held = this.#held;
    if (held === undefined) return;
    this.#isReceiving = true;
    while (!held.isEmpty && !this.isBlocked) held.giveTo(this.#endpoint);
    this.#isReceiving = false;
  }

  #afterInput(): void {
    // What a handler sends in this turn leaves in one write; a close frame waits for no handler.
    const isWorking = this.#events.isWorking && this.#endpoint.stage === "open";
    if (isWorking) this.#awaitTurn();
    else this.#flusher.flush();
    if (this.isBlocked) {
      // A handler may be done, and have made room, before the turn is.
      if (!isWorking) this.#pause();
      return;
    }
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#transport.resume();
    }
    this.#events.onIdle();
  }

  /**
   * Keeps what is gathered to the end of the turn of the event loop: a handler that only awaits `send`, or whatever else is
   * there already, is done by then, and its replies to a whole chunk make one write.
   */
  #awaitTurn(): void {
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    this.#turned ??= () => {
      this.#isTurnAwaited = false;
      this.#flusher.flush();
      if (this.isBlocked) this.#pause();
    };
    this.#afterTurn(this.#turned);
  }

  #pause(): void {
    if (this.#isPaused || this.#intake === "released" || this.#intake === "stopped") return;
    this.#isPaused = true;
    this.#transport.pause();
  }
}
