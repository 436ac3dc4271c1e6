/**
 * Ends one connection: the closing handshake with its deadline, the ends of both streams, the socket.
 *
 * Theory of operation. endpoint/closing.ts is the table of the stages of an end. The endpoint reports each stage once, to
 * `onClosing`. Only there a stage has effects: it starts the deadline, ends this side's stream (FIN), drops the socket, stops the
 * other parts, and calls the close report. When the socket reports its own end, the teardown first lets the endpoint read all
 * bytes that came before.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../clock.ts";
import { type ClosingStage, isReadingAt } from "../endpoint/closing.ts";
import type { Endpoint } from "../endpoint/endpoint.ts";
import { ClosedError, connectionLost, TimeoutError } from "../errors.ts";
import { type StatusCode, StatusNoStatusRcvd } from "../status.ts";
import type { RuntimeSignal, Transport } from "../transport.ts";
import type { CloseReport } from "./close-report.ts";
import type { ConnectionState } from "./connection-link.ts";
import type { Keepalive } from "./keepalive.ts";
import type { Dispatcher } from "./receive/dispatcher.ts";
import type { Pacer } from "./receive/pacer.ts";
import type { Flusher } from "./send/flusher.ts";

/** The parts of a link that its teardown needs. */
export interface TeardownParts {
  readonly transport: Transport;
  readonly endpoint: Endpoint;
  readonly flusher: Flusher;
  readonly pacer: Pacer;
  readonly dispatcher: DispatcherEnd;
  readonly keepalive: Keepalive | undefined;
  readonly closeReport: CloseReportEnd;
  readonly deadlines: Deadlines;
  /** Whether the connection keeps the process alive. */
  readonly isHeld: boolean;
  /** Calls a task in the context of `serve` or `connect`. */
  inContext(task: () => void): void;
  /** The connection is over. Its place among the open connections is free, even if its handlers are still at work. */
  onEnded(): void;
}

/** The methods of a dispatcher that end the delivery. */
export type DispatcherEnd = Pick<Dispatcher<unknown>, "isFull" | "cut" | "stop" | "end">;

/** The members of a close report that the teardown needs. */
export type CloseReportEnd = Pick<CloseReport, "closure" | "report" | "settle">;

/*
 * State of the peer's side of the stream. open: bytes may come. ended: the peer has ended the stream. gone: the socket is closed.
 * read: the socket is closed, and the endpoint has got all received bytes.
 */
type StreamState = "open" | "ended" | "gone" | "read";

/** Ends one connection, for any reason and from either side. */
export class Teardown {
  readonly #link: TeardownParts;
  readonly #deliversAfterClose: boolean;
  /** Milliseconds for the closing handshake. */
  #closeTimeout: number;
  #closeDeadline: Deadline | undefined;
  #stream: StreamState = "open";
  #streamError: Error | undefined;
  // Made when somebody asks for `signal`.
  #abort: AbortController | undefined;

  /**
   * @param closeTimeout Milliseconds for the closing handshake. `close` may override it.
   * @param deliversAfterClose Whether messages before the peer's close frame are also delivered after this side has closed.
   */
  constructor(link: TeardownParts, closeTimeout: number, deliversAfterClose: boolean) {
    this.#link = link;
    this.#closeTimeout = closeTimeout;
    this.#deliversAfterClose = deliversAfterClose;
  }

  get state(): ConnectionState {
    if (this.#isGone) return "closed";
    return this.#link.endpoint.stage === "open" ? "open" : "closing";
  }

  get #isGone(): boolean {
    return this.#stream === "gone" || this.#stream === "read";
  }

  /** Aborts when the connection is no longer open, with the ClosedError that `send` rejects with. */
  get signal(): RuntimeSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.state !== "open") this.#abort.abort(this.closedError());
    }
    return this.#abort.signal;
  }

  /** Makes the error for calls that can no longer succeed. */
  closedError(): ClosedError {
    return new ClosedError(this.#link.closeReport.closure);
  }

  /** Begins the closing handshake. @param timeout Milliseconds for it. */
  close(status: StatusCode, reason: string, timeout?: number): void {
    const { endpoint, dispatcher } = this.#link;
    if (this.state !== "open") {
      // The end has already begun. Still, the application wants no more messages.
      if (!this.#deliversAfterClose) dispatcher.cut();
      return;
    }
    if (timeout !== undefined) this.#closeTimeout = timeout;
    endpoint.close(status === StatusNoStatusRcvd ? 0 : status, reason);
  }

  /** Drops the connection. Received messages that are not yet delivered are lost. */
  terminate(error?: unknown): void {
    const { endpoint, dispatcher, closeReport } = this.#link;
    if (endpoint.stage === "closed") {
      dispatcher.cut();
      return;
    }
    endpoint.drop(error);
    if (error !== undefined) closeReport.report(error);
    dispatcher.stop(() => this.closedError());
  }

  /** The peer has ended its stream. */
  onEnd(): void {
    if (this.#stream === "open") this.#stream = "ended";
    this.#link.pacer.takeRestAtEnd();
  }

  /** The socket is gone. */
  onClose(error: Error | undefined): void {
    this.#stream = "gone";
    this.#streamError = error;
    this.#link.flusher.stop(() => this.closedError());
    // Bytes that came before the end of the socket are delivered first.
    this.#link.pacer.takeRestAtEnd();
  }

  /** The endpoint has got all received bytes. Only now the end of the stream is reported to it. */
  onIdle(): void {
    if (this.#stream === "open") return;
    if (this.#stream === "gone") this.#stream = "read";
    const { endpoint, closeReport } = this.#link;
    if (isReadingAt(endpoint.stage)) {
      // The stream has ended before the closing handshake was complete.
      const error = connectionLost(this.#streamError);
      endpoint.fail(error, 0, "transport");
      closeReport.report(error);
    }
    if (this.#isGone) endpoint.advance("socketClosed");
  }

  /** Ends this side's stream (FIN) when all output has left and no output will follow. */
  endWhenSent(): void {
    const { endpoint, flusher } = this.#link;
    if (endpoint.stage === "flushing" && flusher.isIdle && !this.#isGone) {
      endpoint.advance("drained");
    }
  }

  /** Applies the effects of a stage. Each stage comes at most once, and "closed" always comes. */
  onClosing(stage: ClosingStage): void {
    const { endpoint, flusher, pacer, dispatcher, transport } = this.#link;
    switch (stage) {
      case "closeSent":
      case "answering":
      case "flushing":
        this.#leaveOpen(stage);
        // The close frame must not wait for a handler's turn.
        if (flusher.isIdle) this.endWhenSent();
        else pacer.settled();
        if (pacer.isBlocked) {
          // Not inside the current call, because the pending input may cause events itself.
          queueMicrotask(() => {
            // While messages are still delivered, the pending input waits for its readers.
            if (endpoint.isDelivering) pacer.reopen(dispatcher.isFull);
            else pacer.takeRestAtEnd();
          });
        }
        break;
      case "finSent":
        transport.end();
        break;
      case "dropped":
        this.#leaveOpen(stage);
        flusher.stop(() => this.closedError());
        pacer.stop();
        if (this.#isGone) endpoint.advance("socketClosed");
        else transport.destroy();
        break;
      case "closed":
        this.#finish();
    }
  }

  /** The connection is no longer open: starts the deadline, and stops the delivery if this side has ended the connection. */
  #leaveOpen(stage: ClosingStage): void {
    const { endpoint, dispatcher, keepalive, closeReport, deadlines, isHeld } = this.#link;
    keepalive?.stop();
    const onDeadline = (): void => {
      // If the peer has closed, it only fails to take the rest or to end its stream. That is not an error.
      if (isReadingAt(endpoint.stage)) {
        const error = new TimeoutError("CLOSE_TIMEOUT", this.#closeTimeout);
        endpoint.fail(error, 0, "local");
        closeReport.report(error);
      }
      endpoint.advance("deadline");
    };
    const onTimer = (): void => {
      this.#link.inContext(onDeadline);
    };
    const isFirst = this.#closeDeadline === undefined;
    // If there is nothing more to read, the end follows within this call, without a deadline.
    if (this.#stream !== "read") {
      this.#closeDeadline ??= deadlines.after(this.#closeTimeout, onTimer, isHeld);
    }
    // With `deliverAfterClose`, this side's own close() does not stop the delivery, since the peer's messages come before its
    // close frame. Only a drop stops it then.
    const isCut = stage === "dropped" || (isFirst && !endpoint.isDelivering);
    if (endpoint.initiator === "local" && isCut) dispatcher.stop(() => this.closedError());
    this.#abort?.abort(this.closedError());
  }

  #finish(): void {
    const { closeReport, flusher, dispatcher } = this.#link;
    this.#closeDeadline?.cancel();
    // Stopped a second time, because a close frame that waited behind other frames may have been added since the first.
    const reason = (): ClosedError => this.closedError();
    flusher.stop(reason);
    dispatcher.end(reason);
    closeReport.settle();
    this.#link.onEnded();
  }
}
