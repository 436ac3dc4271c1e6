/**
 * How one endpoint ends: by the closing handshake, by a failure, or because it is given up (RFC 6455, 7).
 *
 * Theory of operation. closing.ts has the table of stages. A `Closer` moves along them, and does what each stage asks of the
 * endpoint: messages are no longer delivered, what waits to be sent is dropped, a close frame is added, extensions are closed. It
 * calls `onClosing` last, when all of that is done. Only for the peer's close frame the queue may take longer: what waits in it
 * leaves before this side's close frame, as RFC 6455, 5.5.1 allows. Meanwhile the stage is "answering".
 *
 * @module
 */

import { type Closure, type Initiator, LimitError, ProtocolError } from "../errors.ts";
import type { ExtensionSession } from "../extension/extension.ts";
import { closeSessions } from "../extension/negotiation.ts";
import {
  type StatusCode,
  StatusAbnormalClosure,
  StatusInternalServerError,
  StatusNormalClosure,
} from "../status.ts";
import { newOwnCloseBody } from "./close-body.ts";
import {
  type ClosingEvent,
  type ClosingStage,
  closingStateOf,
  isReadingAt,
  nextClosing,
} from "./closing.ts";
import type { EndpointEvents } from "./endpoint-events.ts";

/** The content of a close frame. */
export interface CloseFrame {
  readonly status: StatusCode;
  readonly reason: string;
}

/** The methods of the receiver (receiver.ts) that a closer calls. */
export interface ClosableReceiver {
  /** Delivers no more messages. */
  drop(): void;
  /** Stops waiting for an extension whose message was dropped. */
  stopWaiting(): void;
  /** Reads nothing more. */
  end(): void;
  /** Whether `receive` or `setStreaming` is under way. */
  readonly isTelling: boolean;
}

/** The methods of the send queue (send-queue.ts) that a closer calls. */
export interface ClosableQueue {
  /** Adds a close frame behind what was added before. */
  addClose(body: Uint8Array): void;
  /** Drops everything that is not in the output yet. */
  drop(): void;
  /** Whether nothing waits in it. */
  readonly isFree: boolean;
}

/** The methods of the output (write-buffer.ts) that a closer calls. */
export interface ClosableOutput {
  addClose(body: Uint8Array): void;
}

/** Ends one endpoint, and knows how it ended. */
export class Closer {
  readonly #events: EndpointEvents;
  readonly #extensions: readonly ExtensionSession[];
  readonly #deliversAfterClose: boolean;
  #receiver!: ClosableReceiver;
  #queue!: ClosableQueue;
  #output!: ClosableOutput;
  #stage: ClosingStage = "open";
  /** The stage that `onClosing` was told last. */
  #told: ClosingStage = "open";
  #initiator: Initiator | undefined;
  /** The peer's close frame. */
  #received: CloseFrame | undefined;
  #error: unknown;

  /**
   * @param extensions Closed at the end.
   * @param deliversAfterClose Whether messages are delivered after this side's own close frame, until the peer's comes.
   */
  constructor(
    events: EndpointEvents,
    extensions: readonly ExtensionSession[],
    deliversAfterClose: boolean,
  ) {
    this.#events = events;
    this.#extensions = extensions;
    this.#deliversAfterClose = deliversAfterClose;
  }

  /** Sets the parts to end. They are made after the closer, because they need it themselves. */
  join(receiver: ClosableReceiver, queue: ClosableQueue, output: ClosableOutput): void {
    this.#receiver = receiver;
    this.#queue = queue;
    this.#output = output;
  }

  get stage(): ClosingStage {
    return this.#stage;
  }

  /** Whether messages go both ways. */
  get isOpen(): boolean {
    return this.#stage === "open";
  }

  /** Whether received messages are delivered. */
  get isDelivering(): boolean {
    return this.isOpen || (this.#deliversAfterClose && this.#stage === "closeSent");
  }

  /** Whether frames are read: the peer has not closed, and the connection has not failed. */
  get isReading(): boolean {
    return isReadingAt(this.#stage);
  }

  /** Whether nothing more is read, and nothing more follows what is gathered. */
  get isClosed(): boolean {
    return closingStateOf(this.#stage) === "closed";
  }

  get initiator(): Initiator | undefined {
    return this.#initiator;
  }

  /** How the connection ended; while it is open, how it would end if the stream ended now. */
  get closure(): Closure {
    return {
      status: this.#received?.status ?? StatusAbnormalClosure,
      reason: this.#received?.reason ?? "",
      clean: this.#received !== undefined,
      initiator: this.#initiator ?? "transport",
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
  }

  /** As `Endpoint.close`. */
  close(status: StatusCode, reason: string): void {
    const body = newOwnCloseBody(status, reason);
    if (!this.isOpen) return;
    this.#initiator = "local";
    // The stage changes first, so that the listeners of dropped messages can find out why.
    this.#stage = nextClosing(this.#stage, "sendClose");
    if (!this.#deliversAfterClose) this.#receiver.drop();
    this.#queue.addClose(body);
    try {
      this.tell();
    } finally {
      if (!this.#deliversAfterClose) this.#receiver.stopWaiting();
    }
  }

  /** As `Endpoint.fail`. */
  fail(error: unknown, status: StatusCode, initiator: Initiator): void {
    const body = newOwnCloseBody(status, "");
    if (this.isClosed) return;
    this.#giveUp(error, initiator);
    // Only one close frame is sent.
    this.advance("fail", this.isOpen && status ? body : undefined);
  }

  /** Fails because of a thrown error. `onFail` gets it, even if another listener of the failure throws. */
  failFor(error: unknown): void {
    // A LimitError with an HTTP status belongs to an opening handshake: an event of the application threw it, not the peer's
    // bytes.
    const isPeers =
      (error instanceof ProtocolError || error instanceof LimitError) &&
      error.status >= StatusNormalClosure;
    try {
      this.fail(
        error,
        isPeers ? error.status : StatusInternalServerError,
        isPeers ? "peer" : "local",
      );
    } finally {
      this.#events.onFail(error);
    }
  }

  /** As `Endpoint.drop`. */
  drop(error: unknown): void {
    if (!this.isClosed) this.#giveUp(error, "local");
    this.advance("drop");
  }

  /**
   * As `Endpoint.advance`: moves to the stage that follows an event. On the way to the stages in which nothing more is sent, what
   * waits in the queue is dropped, and extensions are closed.
   *
   * @param last The body of this side's close frame, if that is the last frame to be gathered.
   */
  advance(event: ClosingEvent, last?: Uint8Array): void {
    const { isClosed } = this;
    const stage = nextClosing(this.#stage, event);
    if (stage === this.#stage) return;
    this.#stage = stage;
    try {
      if (!isClosed) {
        this.#queue.drop();
        // A listener of a dropped message may have dropped the connection.
        if (last !== undefined && this.#stage === stage) this.#output.addClose(last);
        closeSessions(this.#extensions);
      }
    } finally {
      // The receiver tells of the peer's close frame.
      if (event !== "answered" || !this.#receiver.isTelling) this.tell();
    }
  }

  /** It is the turn of this side's close frame. The queue calls this. */
  gatherClose(body: Uint8Array): void {
    if (this.#stage === "answering") this.advance("answered", body);
    // Otherwise the listener of a dropped message may have ended the connection.
    else if (this.isReading) this.#output.addClose(body);
  }

  /**
   * Takes the peer's close frame.
   *
   * @param body Its payload. It is sent as the answer if this side has sent no close frame.
   */
  receiveClose(frame: CloseFrame, body: Uint8Array): void {
    const isUnanswered = this.isOpen;
    this.#received = frame;
    this.#initiator ??= "peer";
    this.#stage = nextClosing(this.#stage, "receiveClose");
    this.#receiver.end();
    // "If an endpoint receives a Close frame and did not previously send a Close frame, the endpoint MUST send a Close
    // frame in response" (RFC 6455, 5.5.1)
    if (isUnanswered) this.#queue.addClose(body);
    else if (this.#queue.isFree) this.advance("answered");
  }

  /** Calls `onClosing` for the present stage, unless it was told. The receiver calls this when it is done with a chunk. */
  tell(): void {
    if (this.#told === this.#stage) return;
    this.#told = this.#stage;
    this.#events.onClosing?.(this.#stage);
  }

  /** Calls an event that tells of no received frame. An error thrown there fails the connection as well. */
  notify(event: "onOutput" | "onResume"): void {
    try {
      this.#events[event]();
    } catch (error) {
      this.failFor(error);
    }
  }

  #giveUp(error: unknown, initiator: Initiator): void {
    this.#initiator ??= initiator;
    this.#error = error;
    this.#receiver.end();
  }
}
