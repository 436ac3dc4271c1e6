/**
 * How one connection is taken down: the closing handshake in time, the ends of the stream, the socket.
 *
 * Theory of operation. endpoint/closing.ts says which stages an end has, and the endpoint tells each of them once. `onClosing` is the
 * one place where a stage has effects: the deadline, the end of this side's stream (FIN), the socket, the parts that stop, and
 * who is told. What the socket says of its own end is kept until all bytes in front of it have been read.
 *
 * @module
 */

import type { Deadline, Deadlines } from "../clock.ts";
import type { ClosingStage } from "../endpoint/closing.ts";
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

/** What is taken down: a link, as its teardown sees it. */
export interface TeardownParts {
  readonly transport: Transport;
  readonly endpoint: Endpoint;
  readonly flusher: Flusher;
  readonly pacer: Pacer;
  readonly dispatcher: DispatcherEnd;
  readonly keepalive: Keepalive | undefined;
  readonly closeReport: CloseReportEnd;
  readonly deadlines: Deadlines;
  /** Whether the process lives on for the connection. */
  readonly isHeld: boolean;
  /** Calls a task in the context of `serve` or `connect`. */
  inContext(task: () => void): void;
  /** The connection is over: its place is free, whatever its handlers are at. */
  onEnded(): void;
}

/** Those methods of a dispatcher that end the delivery. */
export type DispatcherEnd = Pick<Dispatcher<unknown>, "cut" | "stop" | "end">;

/** Those members of a report that say what went wrong, and that the connection is over. */
export type CloseReportEnd = Pick<CloseReport, "closure" | "report" | "settle">;

/*
 * How far the peer's side of the stream has come. open: bytes come. ended: it has ended. gone: the socket is gone. read: the socket is
 * gone, and the endpoint has got all that had come.
 */
type StreamState = "open" | "ended" | "gone" | "read";

/** Takes one connection down, for any reason and from either side. */
export class Teardown {
  readonly #link: TeardownParts;
  readonly #deliversAfterClose: boolean;
  /** Milliseconds for the closing handshake. */
  #closeTimeout: number;
  #closeDeadline: Deadline | undefined;
  #stream: StreamState = "open";
  #streamError: Error | undefined;
  // Made when somebody asks for it.
  #abort: AbortController | undefined;

  /**
   * @param closeTimeout Milliseconds for the closing handshake, unless `close` gives others.
   * @param deliversAfterClose Whether what comes in front of the peer's close frame is delivered also when this side has closed first.
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

  /** Makes the error for those who wait for something that will not happen any more. */
  closedError(): ClosedError {
    return new ClosedError(this.#link.closeReport.closure);
  }

  /** Begins the closing handshake. @param timeout Milliseconds for it. */
  close(status: StatusCode, reason: string, timeout?: number): void {
    const { endpoint, dispatcher } = this.#link;
    if (this.state !== "open") {
      // It has begun to end already: what waits for a handler is not wanted any more all the same.
      if (!this.#deliversAfterClose) dispatcher.cut();
      return;
    }
    if (timeout !== undefined) this.#closeTimeout = timeout;
    endpoint.close(status === StatusNoStatusRcvd ? 0 : status, reason);
  }

  /** Drops the connection; what has come and is not delivered yet never will be. */
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
    // What came before it is delivered first.
    this.#link.pacer.takeRestAtEnd();
  }

  /** All that has come is with the endpoint: what has become of the stream is told now, and not before. */
  onIdle(): void {
    if (this.#stream === "open") return;
    if (this.#stream === "gone") this.#stream = "read";
    const { endpoint, closeReport } = this.#link;
    if (!endpoint.isClosed) {
      // The stream is over before the closing handshake is.
      const error = connectionLost(this.#streamError);
      endpoint.fail(error, 0, "transport");
      closeReport.report(error);
    }
    if (this.#isGone) endpoint.advance("socketClosed");
  }

  /** Ends this side of the stream where all that was gathered has left, and nothing more will be. */
  endWhenSent(): void {
    const { endpoint, flusher } = this.#link;
    if (endpoint.stage === "flushing" && flusher.isIdle && !this.#isGone) {
      endpoint.advance("drained");
    }
  }

  /** Does what a stage of the end asks for. Each is entered once at the most, and "closed" always. */
  onClosing(stage: ClosingStage): void {
    const { endpoint, flusher, pacer, transport } = this.#link;
    switch (stage) {
      case "closeSent":
      case "flushing":
        this.#leaveOpen(stage);
        // A close frame waits for no handler's turn.
        if (flusher.isIdle) this.endWhenSent();
        else pacer.settled();
        // Where messages are still delivered, what is held waits for those who read it.
        if (pacer.isBlocked && !endpoint.isDelivering) {
          // Not inside of whatever called: what is held may have events of its own.
          queueMicrotask(() => {
            pacer.takeRestAtEnd();
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

  /** The connection is not open any more: starts the deadline, and delivers nothing more where this side has ended it. */
  #leaveOpen(stage: ClosingStage): void {
    const { endpoint, dispatcher, keepalive, closeReport, deadlines, isHeld } = this.#link;
    keepalive?.stop();
    const onDeadline = (): void => {
      // Where the closing handshake is done, the peer only fails to end its stream: that is no error.
      if (!endpoint.isClosed) {
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
    // Where there is nothing more to read, the end follows within the call.
    if (this.#stream !== "read") {
      this.#closeDeadline ??= deadlines.after(this.#closeTimeout, onTimer, isHeld);
    }
    // After a close() of its own that still delivers, only a drop ends that: the peer's close frame comes behind all that it sent.
    const isCut = stage === "dropped" || (isFirst && !endpoint.isDelivering);
    if (endpoint.initiator === "local" && isCut) dispatcher.stop(() => this.closedError());
    this.#abort?.abort(this.closedError());
  }

  #finish(): void {
    const { closeReport, flusher, dispatcher } = this.#link;
    this.#closeDeadline?.cancel();
    // A second time, since a close frame that waited behind others may have been added after the first.
    const reason = (): ClosedError => this.closedError();
    flusher.stop(reason);
    dispatcher.end(reason);
    closeReport.settle();
    this.#link.onEnded();
  }
}
