/**
 * Decides when a connection reads.
 *
 * Theory of operation. Received bytes go to the endpoint at once, even while handlers work on earlier messages. So control frames
 * are answered while a handler works. Messages wait for their handler, or for a caller, in a bounded queue (unread.ts). When the
 * queue is full, the endpoint stops, the rest of the chunk is kept here as pending input, and the transport is paused.
 *
 * @module
 */

import type { Endpoint } from "../../endpoint/endpoint.ts";
import type { Transport } from "../../transport.ts";
import type { Flusher } from "../send/flusher.ts";
import { PendingInput } from "./pending-input.ts";
import type { UnreadEvents } from "./unread.ts";

/** The settings that a pacer uses. */
export interface PacerSettings {
  /** Calls a task after the current turn of the event loop, including its microtasks. */
  readonly afterTurn: (task: () => void) => void;
}

/** The part of a link that its pacer uses. */
export interface PacerEvents {
  readonly settings: PacerSettings;
  /** Whether a handler or a loop works on a message. Its answers leave in one write. */
  readonly isWorking: boolean;
  /** The endpoint has got all received bytes. */
  onIdle(): void;
}

/**
 * State of the input. "open": bytes go to the endpoint. "full": too much is unread. "limited": a rate limit is reached. "shut":
 * nothing more is read until the connection ends. "released": the connection ends, so all bytes go to the endpoint, however much
 * is unread. "stopped": bytes are dropped.
 */
type Intake = "open" | "full" | "limited" | "shut" | "released" | "stopped";

/** Gives received bytes to an endpoint, and stops while too much is unread. */
export class Pacer implements UnreadEvents {
  readonly #transport: Transport;
  readonly #endpoint: Endpoint;
  readonly #flusher: Flusher;
  readonly #events: PacerEvents;
  #intake: Intake = "open";
  /** Whether the loop over the received bytes runs, so that `resume` need not start it. */
  #isReceiving = false;
  #isPaused = false;
  /** The callback for the end of the turn. Made once, at first use. */
  #turned: (() => void) | undefined;
  #isTurnAwaited = false;
  // Made when bytes have to wait for the first time.
  #held: PendingInput | undefined;

  constructor(transport: Transport, endpoint: Endpoint, flusher: Flusher, events: PacerEvents) {
    this.#transport = transport;
    this.#endpoint = endpoint;
    this.#flusher = flusher;
    this.#events = events;
  }

  /** Whether some received bytes may not be with the endpoint yet. */
  get isBlocked(): boolean {
    const intake = this.#intake;
    return intake === "full" || intake === "limited" || intake === "shut" || this.#endpoint.isBusy;
  }

  /** Whether the transport is paused. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Takes bytes that came before there was a pacer. The pacer owns them. */
  start(early: Uint8Array): void {
    this.#hold(early, 0);
    this.resume();
  }

  /** Takes a chunk. The caller may reuse the chunk afterwards. */
  receive(chunk: Uint8Array): void {
    if (this.isBlocked) {
      this.#hold(chunk, 0);
      // At once, and not at the end of the turn: while a handler is at work, at most one more chunk is taken in.
      this.#pause();
      return;
    }
    this.#flusher.gather();
    this.#isReceiving = true;
    const taken = this.#endpoint.receive(chunk);
    this.#isReceiving = false;
    if (taken < chunk.length) this.#hold(chunk, taken);
    // The reason for which the endpoint stopped may be gone by now.
    this.#goThroughHeld();
    this.#afterInput();
  }

  onFull(): void {
    // While the connection ends, the endpoint gets all bytes.
    if (this.#intake !== "open" || !this.#endpoint.isDelivering) return;
    this.#intake = "full";
    this.#endpoint.stop();
  }

  onRoom(): void {
    if (this.#intake !== "full") return;
    this.#intake = "open";
    this.resume();
  }

  /** A rate limit is reached: nothing is taken in until `lift`, even if little is unread. */
  limit(): void {
    if ((this.#intake !== "open" && this.#intake !== "full") || !this.#endpoint.isDelivering)
      return;
    this.#intake = "limited";
    this.#endpoint.stop();
  }

  /** The rate limit allows messages again. @param isFull Whether too much is unread anyway. */
  lift(isFull: boolean): void {
    this.#goOnFrom("limited", isFull);
  }

  /** Stops reading until the connection ends. */
  shut(): void {
    if (!["open", "full", "limited"].includes(this.#intake)) return;
    this.#intake = "shut";
    this.#endpoint.stop();
    this.#pause();
  }

  /** Ends {@link shut}: this side has closed, and still wants what comes before the peer's close frame. @param isFull As `lift`. */
  reopen(isFull: boolean): void {
    this.#goOnFrom("shut", isFull);
  }

  /** The connection ends: pending and further bytes go to the endpoint, however much is unread. */
  takeRestAtEnd(): void {
    if (this.#intake !== "stopped") this.#intake = "released";
    this.resume();
  }

  /** Drops the pending input and all further bytes. */
  stop(): void {
    this.#intake = "stopped";
    this.#held?.drop();
  }

  /** Gives the pending input to the endpoint, as much as possible. */
  resume(): void {
    if (this.#isReceiving || this.isBlocked) return;
    this.#flusher.gather();
    this.#goThroughHeld();
    this.#afterInput();
  }

  /** A caller has got a message that waited. Its answers to this message and the next ones leave in one write. */
  given(): void {
    this.#flusher.gather();
    this.#awaitTurn();
  }

  /** No handler is at work any more. The gathered bytes leave now, or at the end of the current chunk. */
  settled(): void {
    if (!this.#isReceiving) this.#flusher.flush();
  }

  #goOnFrom(intake: Intake, isFull: boolean): void {
    if (this.#intake !== intake) return;
    this.#intake = isFull ? "full" : "open";
    this.resume();
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
    // The answers that a handler sends in this turn leave in one write. A close frame does not wait for handlers.
    const isWorking = this.#events.isWorking && this.#endpoint.stage === "open";
    if (isWorking) this.#awaitTurn();
    else this.#flusher.flush();
    if (this.isBlocked) {
      // While a handler works, the pause waits for the end of the turn, because the handler may finish and free room before.
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
   * Gathers until the end of the turn of the event loop. By then a handler that awaits only `send`, or other promises that
   * resolve at once, is done. So its replies to a whole chunk leave in one write.
   */
  #awaitTurn(): void {
    if (this.#isTurnAwaited) return;
    this.#isTurnAwaited = true;
    this.#turned ??= () => {
      this.#isTurnAwaited = false;
      this.#flusher.flush();
      if (this.isBlocked) this.#pause();
    };
    this.#events.settings.afterTurn(this.#turned);
  }

  #pause(): void {
    if (this.#isPaused || this.#intake === "released" || this.#intake === "stopped") return;
    this.#isPaused = true;
    this.#transport.pause();
  }
}
