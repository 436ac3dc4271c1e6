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
import { type ClosingEvent, type ClosingStage, closingStateOf, nextClosing } from "./closing.ts";
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
    return this.#stage === "open" || this.#stage === "closeSent";
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
      this.#tell("closeSent");
    } finally {
      if (!this.#deliversAfterClose) this.#receiver.stopWaiting();
    }
  }

  /** As `Endpoint.fail`. */
  fail(error: unknown, status: StatusCode, initiator: Initiator): void {
    const body = newOwnCloseBody(status, "");
    if (this.isClosed) return;
    this.#initiator ??= initiator;
    this.#error = error;
    this.#end(status ? body : undefined, "fail");
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
    if (!this.isClosed) {
      this.#initiator ??= "local";
      this.#error = error;
      this.#end(undefined, "drop");
    } else {
      this.advance("drop");
    }
  }

  /** As `Endpoint.advance`. */
  advance(event: ClosingEvent): void {
    const before = this.#stage;
    const stage = nextClosing(before, event);
    if (stage === before) return;
    this.#stage = stage;
    try {
      if (before === "answering") this.#finish();
    } finally {
      this.#tell(stage);
    }
  }

  /** Puts this side's close frame into the output, as the last frame. The queue calls this when it is the frame's turn. */
  gatherClose(body: Uint8Array): void {
    // The listener of a dropped message has ended the connection.
    if (this.isClosed) return;
    const isAnswer = this.#stage === "answering";
    // The stage changes first, because the tracer of the frame may move it on.
    this.#stage = nextClosing(this.#stage, "answered");
    this.#output.addClose(body);
    if (isAnswer) this.#answered();
  }

  /** Both sides' close frames are read or gathered. */
  #answered(): void {
    try {
      this.#finish();
    } finally {
      // Inside `receive`, `tellOfPeerClose` tells the stage at the end.
      if (!this.#receiver.isTelling) this.#tell("flushing");
    }
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
    if (isUnanswered || !this.#queue.isFree) return;
    this.#stage = nextClosing(this.#stage, "answered");
    this.#answered();
  }

  /** Calls `onClosing` for the peer's close frame, if one has come. The receiver calls this when it is done with the chunk. */
  tellOfPeerClose(): void {
    if (this.#received === undefined) return;
    const stage = this.#stage;
    if (stage === "answering" || stage === "flushing") this.#tell(stage);
  }

  /** Calls an event that tells of no received frame. An error thrown there fails the connection as well. */
  notify(event: "onOutput" | "onResume"): void {
    try {
      this.#events[event]();
    } catch (error) {
      this.failFor(error);
    }
  }

  /** Tells of a stage, unless the stage has changed since: a listener called before may have moved it on. */
  #tell(stage: ClosingStage): void {
    if (this.#stage === stage) this.#events.onClosing?.(stage);
  }

  /** Drops what still waits to be sent, and closes the extensions. */
  #finish(): void {
    this.#queue.drop();
    closeSessions(this.#extensions);
  }

  /**
   * Ends reading and sending. Only what is already in the output still leaves.
   *
   * @param answer The body of the close frame, sent if none was sent before.
   */
  #end(answer: Uint8Array | undefined, event: "fail" | "drop"): void {
    const isUnanswered = this.isOpen;
    const stage = nextClosing(this.#stage, event);
    this.#stage = stage;
    this.#receiver.end();
    this.#queue.drop();
    // A listener of a dropped message may have dropped the connection.
    if (isUnanswered && answer !== undefined && this.#stage === stage) {
      this.#output.addClose(answer);
    }
    try {
      closeSessions(this.#extensions);
    } finally {
      this.#tell(stage);
    }
  }
}
