/**
 * How one endpoint ends: by the closing handshake, by a failure, or because it is given up (RFC 6455, 7).
 *
 * Theory of operation. closing.ts says which stages there are. A `Closer` moves along them, and does what the stage asks of the
 * endpoint: messages are no longer delivered, what waits to be sent is dropped, a close frame is added, extensions are closed. It
 * tells `onClosing` last, when all of that is done.
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

/** What a close frame said. */
export interface CloseFrame {
  readonly status: StatusCode;
  readonly reason: string;
}

/** What a closer asks of the way in: receiver.ts. */
export interface ClosableReceiver {
  /** Delivers no message any more. */
  drop(): void;
  /** Waits no longer for an extension, whose message was dropped. */
  stopWaiting(): void;
  /** Reads nothing any more. */
  end(): void;
}

/** What a closer asks of the way out: send-queue.ts. */
export interface ClosableQueue {
  /** Adds a close frame behind what was added before. */
  addClose(body: Uint8Array): void;
  /** Drops what is not in the output yet. */
  drop(): void;
}

/** What a closer asks of the output: write-buffer.ts. */
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
   * @param extensions What is closed at the end.
   * @param deliversAfterClose Whether messages are delivered until the peer's close frame, also behind this side's own.
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

  /** Says what is to be ended. Those parts need the closer themselves, and so are made after it. */
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

  /** Whether messages that come are delivered. */
  get isDelivering(): boolean {
    return this.isOpen || (this.#deliversAfterClose && this.#stage === "closeSent");
  }

  /** Whether nothing more is read or sent. */
  get isClosed(): boolean {
    return closingStateOf(this.#stage) === "closed";
  }

  get initiator(): Initiator | undefined {
    return this.#initiator;
  }

  /** How the connection ended, or would if the stream ended now. */
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
    // First, so that listeners of messages that are given up find out why.
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

  /** Fails for what was thrown, and tells `onFail` of it, whatever others throw who are told of the same. */
  failFor(error: unknown): void {
    // A limit of the opening handshake has an HTTP status. An event of the application has thrown it, so the peer is not to blame.
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
    const stage = nextClosing(this.#stage, event);
    if (stage === this.#stage) return;
    this.#stage = stage;
    this.#tell(stage);
  }

  /**
   * Takes the peer's close frame.
   *
   * @param body Its payload, which is the answer where this side has sent no close frame.
   */
  receiveClose(frame: CloseFrame, body: Uint8Array): void {
    this.#received = frame;
    this.#initiator ??= "peer";
    // "If an endpoint receives a Close frame and did not previously send a Close frame, the endpoint MUST send a Close
    // frame in response" (RFC 6455, 5.5.1)
    this.#end(body, "receiveClose");
  }

  /** Tells `onClosing` of the peer's close frame, where one has come. The receiver calls it when it is done with the chunk. */
  tellOfPeerClose(): void {
    if (this.#received !== undefined) this.#tell("flushing");
  }

  /** Tells of what is no part of what has come. What is thrown there fails the connection as well. */
  notify(event: "onOutput" | "onResume"): void {
    try {
      this.#events[event]();
    } catch (error) {
      this.failFor(error);
    }
  }

  /** Tells of a stage, unless the stage has changed since: listeners that were told before may have moved it on. */
  #tell(stage: ClosingStage): void {
    if (this.#stage === stage) this.#events.onClosing?.(stage);
  }

  /**
   * Ends reading and sending. Only what is in the output by now still leaves.
   *
   * @param answer The body of the close frame that is sent where none was sent before.
   */
  #end(answer: Uint8Array | undefined, event: "receiveClose" | "fail" | "drop"): void {
    const isUnanswered = this.isOpen;
    const stage = nextClosing(this.#stage, event);
    this.#stage = stage;
    this.#receiver.end();
    this.#queue.drop();
    // A listener that was told of a dropped message may have dropped the connection.
    if (isUnanswered && answer !== undefined && this.#stage === stage) {
      this.#output.addClose(answer);
    }
    try {
      closeSessions(this.#extensions);
    } finally {
      // The peer's close frame is told of when receive() is done.
      if (event !== "receiveClose") this.#tell(stage);
    }
  }
}
