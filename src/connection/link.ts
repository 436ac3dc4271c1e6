/**
 * An endpoint joined to a transport and to an application's handlers, until it is over.
 *
 * Theory of operation. Bytes go transport, pacer, endpoint, dispatcher, handler; messages go outbox, endpoint, flusher, transport. The
 * link decides nothing about either way: it passes on what one part has to tell another. What it decides is the end. Each stage of
 * endpoint/closing.ts is entered once, in `onClosing`, and that is the one place where an end has effects: the deadline, FIN, the
 * socket, the place that is free again, and who is told.
 *
 * @module
 */

import { type Direction, Endpoint, type Side } from "../endpoint/endpoint.ts";
import type { EndpointEvents } from "../endpoint/endpoint-events.ts";
import type { ClosingStage } from "../endpoint/closing.ts";
import {
  ClosedError,
  type Closure,
  connectionLost,
  type LimitError,
  TimeoutError,
} from "../errors.ts";
import type { Header } from "../frame/header.ts";
import type { ExtensionSession } from "../extension/extension.ts";
import type { HandshakeResponse } from "../handshake/client/handshake-response.ts";
import { type StatusCode, StatusGoingAway, StatusInternalServerError } from "../status.ts";
import type { RuntimeSignal, Transport, TransportFacts, TransportHandler } from "../transport.ts";
import type { Deadline, Deadlines } from "../clock.ts";
import { type Deferred, newDeferred, settled } from "../deferred.ts";
import type { Linked } from "../linked-list.ts";
import { Connection, type ConnectionInfo } from "./connection.ts";
import type { ConnectionLink, ConnectionState } from "./connection-link.ts";
import { Dispatcher, type DispatcherOwner } from "./receive/dispatcher.ts";
import { Flusher, type FlusherEvents } from "./send/flusher.ts";
import type { Handlers } from "./handlers.ts";
import type { Observer } from "./runtime-services.ts";
import { Keepalive, type KeepaliveEvents, needsKeepalive } from "./keepalive.ts";
import type { LinkSettings } from "./options.ts";
import { CloseReport } from "./close-report.ts";
import { Outbox, type OutboxOwner } from "./send/outbox.ts";
import { Pacer, type PacerEvents } from "./receive/pacer.ts";
import type { Pulling } from "./receive/pulling.ts";
import type { Topics } from "./server/topics.ts";

/** What all links of one server, or of all clients, share. */
export interface LinkOwner {
  readonly settings: LinkSettings;
  readonly deadlines: Deadlines;
  readonly observer: Observer | undefined;
  /** A server's topics; clients have none. */
  readonly topics: Topics<ConnectionLink> | undefined;
  /** What a server answered to a client's handshake; a server has none. */
  readonly response?: HandshakeResponse | undefined;
  /** A link has begun. */
  opened(link: Link): void;
  /** A link has ended: its place is free. */
  ended(link: Link): void;
}

/** What a link is made of. */
export interface LinkParts<Context> {
  readonly side: Side;
  readonly transport: Transport;
  readonly handlers: Handlers<Context>;
  readonly info: ConnectionInfo<Context>;
  /** Default: none. */
  readonly sessions?: readonly ExtensionSession[];
}

/** How far the peer's side of the stream has come: bytes come, it has ended, the socket is gone. */
type StreamState = "open" | "ended" | "gone";

/**
 * Runs one connection from the end of its opening handshake to the end of its socket.
 *
 * It passes events on, and does what each stage of the end asks for (endpoint/closing.ts). Its pacer knows when to read, its
 * flusher when to write, its outbox what may be sent, its dispatcher who gets what comes, its liveness when it has gone on for
 * too long, its outcome how it ended and who is told.
 */
export class Link<Context = unknown>
  implements
    ConnectionLink,
    TransportHandler,
    EndpointEvents,
    PacerEvents,
    OutboxOwner,
    DispatcherOwner,
    KeepaliveEvents,
    FlusherEvents,
    Linked<Link<Context>>
{
  previous: Link<Context> | undefined = undefined;
  next: Link<Context> | undefined = undefined;
  readonly connection: Connection<Context>;
  readonly endpoint: Endpoint;
  readonly outbox: Outbox;
  readonly dispatcher: Dispatcher<Context>;
  readonly #owner: LinkOwner;
  readonly #transport: Transport;
  readonly #flusher: Flusher;
  readonly #pacer: Pacer;
  readonly #keepalive: Keepalive | undefined;
  readonly #closeReport: CloseReport<Context>;
  #stream: StreamState = "open";
  #streamError: Error | undefined;
  #closeTimeout: number;
  #closeDeadline: Deadline | undefined;
  // Made when somebody asks for them.
  #abort: AbortController | undefined;
  #handlersIdle: Deferred<void> | undefined;

  constructor(owner: LinkOwner, parts: LinkParts<Context>) {
    const { side, transport, handlers, info, sessions = [] } = parts;
    const { settings } = owner;
    const { messages, highWaterMark, times, trace } = settings;
    this.#owner = owner;
    this.#transport = transport;
    this.#closeTimeout = settings.closeTimeout;
    this.endpoint = new Endpoint(side, this, {
      // Not spread: on V8 each copy of that kind has a shape of its own, and all that reads it becomes slow.
      maxFrameSize: messages.maxFrameSize,
      maxMessageSize: messages.maxMessageSize,
      maxFragments: messages.maxFragments,
      strictLength: settings.strictLength,
      codec: settings.codec,
      extensions: sessions,
      trace: trace && ((direction, header) => this.#trace(trace, direction, header)),
    });
    this.#flusher = new Flusher(transport, this.endpoint.output, highWaterMark, this);
    this.#pacer = new Pacer(transport, this.endpoint, this.#flusher, this, settings.afterTurn);
    this.outbox = new Outbox(this.endpoint, this.#flusher, this, settings);
    this.#keepalive = needsKeepalive(times)
      ? new Keepalive(this, owner.deadlines, times)
      : undefined;
    this.connection = new Connection(this, info);
    this.#closeReport = new CloseReport(this.connection, this.endpoint, handlers, owner.observer);
    this.dispatcher = new Dispatcher({
      connection: this.connection,
      handlers,
      endpoint: this.endpoint,
      pacer: this.#pacer,
      owner: this,
      deadlines: owner.deadlines,
      settings,
    });
  }

  get state(): ConnectionState {
    if (this.#stream === "gone") return "closed";
    return this.endpoint.stage === "open" ? "open" : "closing";
  }

  get closed(): Promise<Closure> {
    return this.#closeReport.closed;
  }

  /** Aborts when the connection is no longer open, with the ClosedError that `send` rejects with. */
  get signal(): RuntimeSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController();
      if (this.state !== "open") this.#abort.abort(this.#closedError());
    }
    return this.#abort.signal;
  }

  /** What is known of its transport. */
  get facts(): TransportFacts {
    return this.#transport;
  }

  get pulling(): Pulling {
    return this.dispatcher.pulling;
  }

  get roundTripTime(): number | undefined {
    return this.#keepalive?.roundTripTime;
  }

  get response(): HandshakeResponse | undefined {
    return this.#owner.response;
  }

  get isReading(): boolean {
    return !this.#pacer.isPaused;
  }

  get isStuck(): boolean {
    return this.endpoint.output.gathered > 0;
  }

  get isWorking(): boolean {
    return this.dispatcher.isWorking;
  }

  /** The topics of its server. @throws {TypeError} It is a client's. */
  get topics(): Topics<ConnectionLink> {
    const { topics } = this.#owner;
    if (topics === undefined) throw new TypeError("Topics are a server's: a client has none");
    return topics;
  }

  /**
   * What handlers are still at, undefined where none is: those for what has come, what waits for one, and the one for the end.
   * Not the one for the beginning, which may last as long as it likes. It never rejects.
   */
  get handlers(): Promise<void> | undefined {
    const { isHandling } = this.dispatcher;
    if (!isHandling && this.#closeReport.told === undefined) return undefined;
    if (isHandling) this.#handlersIdle ??= newDeferred<void>();
    const ignored = (): void => {};
    // The last one is called when the others are done.
    return (this.#handlersIdle?.promise ?? settled)
      .then(() => this.#closeReport.told)
      .then(ignored, ignored);
  }

  /**
   * Begins.
   *
   * @param response Bytes that open the connection, none where it is open; they leave together with the replies to what
   * came early.
   * @param early Bytes that the peer sent behind its handshake; the link's to keep.
   */
  start(response: Uint8Array, early: Uint8Array): void {
    this.#transport.handler = this;
    this.#owner.opened(this as Link);
    this.#owner.observer?.opened(this.connection as Connection);
    this.#keepalive?.start();
    if (response.length > 0) this.endpoint.output.addRaw(response);
    this.#flusher.gather();
    this.dispatcher.open();
    this.#pacer.start(early);
  }

  /** Takes nothing in any more: the connection will be closed once what has come is done with. */
  shut(): void {
    if (this.state === "open") this.#pacer.shut();
  }

  /** Begins the closing handshake. @param timeout Milliseconds for it. */
  close(status: StatusCode, reason: string, timeout?: number): void {
    if (this.state !== "open") {
      // It has begun to end already: what waits for a handler is not wanted any more all the same.
      this.dispatcher.cut();
      return;
    }
    if (timeout !== undefined) this.#closeTimeout = timeout;
    this.endpoint.close(status, reason);
  }

  /** Drops the connection; what has come and is not delivered yet never will be. */
  terminate(error?: unknown): void {
    if (this.endpoint.stage === "closed") {
      this.dispatcher.cut();
      return;
    }
    this.endpoint.drop(error);
    if (error !== undefined) this.#closeReport.report(error);
    this.dispatcher.stop(() => this.#closedError());
  }

  /** Fails the connection with 1011: what was begun to be sent cannot be completed. */
  fail(error: unknown): void {
    if (this.state !== "open") return;
    this.endpoint.fail(error, StatusInternalServerError, "local");
    this.#closeReport.report(error);
  }

  refusal(): ClosedError | undefined {
    return this.state === "open" ? undefined : this.#closedError();
  }

  onOverflow(error: LimitError): void {
    this.terminate(error);
  }

  /** A message was sent. */
  used(): void {
    this.#keepalive?.used();
  }

  /** A ping was sent. */
  pinged(): void {
    this.#keepalive?.pinged();
  }

  sendPing(payload: Uint8Array): void {
    void this.outbox.ping(payload);
    this.pinged();
  }

  onLost(error: TimeoutError): void {
    this.terminate(error);
  }

  onDue(error: TimeoutError): void {
    this.#closeReport.report(error);
    this.close(StatusGoingAway, "");
  }

  onData(chunk: Uint8Array): void {
    const { length } = chunk;
    if (this.#transport.hasOwnChunks === true) this.dispatcher.beginChunk(chunk);
    this.#pacer.receive(chunk);
    this.#keepalive?.heard(length, this.endpoint.isInMessage);
  }

  onDrain(): void {
    this.#flusher.onDrain();
  }

  onBlocked(): void {
    this.#keepalive?.blocked();
  }

  onUnblocked(bytes: number): void {
    this.#keepalive?.took(bytes);
  }

  onDrained(): void {
    if (this.state === "open") this.dispatcher.drained();
  }

  onRoom(): void {
    this.endpoint.onRoom();
    this.#endWhenSent();
  }

  onEnd(): void {
    if (this.#stream === "open") this.#stream = "ended";
    this.#pacer.takeRestAtEnd();
  }

  onClose(error?: Error): void {
    this.#stream = "gone";
    this.#streamError = error;
    this.#flusher.stop(() => this.#closedError());
    // What came before it is delivered first.
    this.#pacer.takeRestAtEnd();
  }

  onText(data: string): void {
    this.#received();
    this.dispatcher.deliver(data);
  }

  onBinary(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
    this.#received();
    this.dispatcher.deliverBytes(bytes, start, end, isOwned);
  }

  onMessageBegin(isText: boolean): void {
    this.dispatcher.begin(isText);
  }

  onMessagePiece(bytes: Uint8Array, start: number, end: number): void {
    this.dispatcher.add(bytes, start, end);
  }

  onMessageEnd(): void {
    this.#received();
    this.dispatcher.complete();
  }

  onPing(bytes: Uint8Array, start: number, end: number): void {
    this.#keepalive?.framed();
    this.dispatcher.ping(bytes, start, end);
  }

  onPong(bytes: Uint8Array, start: number, end: number): void {
    this.#keepalive?.framed();
    this.#keepalive?.ponged(bytes, start, end);
    this.dispatcher.pong(bytes, start, end);
  }

  onFail(error: unknown): void {
    this.#closeReport.report(error);
  }

  onResume(): void {
    this.#pacer.resume();
  }

  onOutput(): void {
    this.#flusher.flushSoon();
    this.#flusher.checkDrained();
  }

  /** All that has come is with the endpoint: what the stream has come to is told now, and not before. */
  onIdle(): void {
    this.dispatcher.idle();
    if (this.#stream === "open") return;
    if (!this.endpoint.isClosed) {
      // The stream is over before the closing handshake is.
      const error = connectionLost(this.#streamError);
      this.endpoint.fail(error, 0, "transport");
      this.#closeReport.report(error);
    }
    if (this.#stream === "gone") this.endpoint.advance("socketClosed");
  }

  onHandlerFailed(error: unknown): void {
    // A send that came too late: `close` tells the same.
    if (error instanceof ClosedError && this.state !== "open") return;
    if (this.endpoint.stage === "open") {
      this.endpoint.fail(error, StatusInternalServerError, "local");
    }
    // Whether the peer had closed by then or not: behind a failure nothing is delivered.
    this.dispatcher.cut();
    this.#closeReport.report(error);
  }

  onHandlersIdle(): void {
    if (this.dispatcher.isHandling) return;
    this.#handlersIdle?.resolve();
    this.#handlersIdle = undefined;
  }

  onDelivered(error: TimeoutError | undefined): void {
    if (error !== undefined) this.#closeReport.report(error);
    this.#closeReport.tell();
    // A handler that was given up is waited for no longer, whoever waits.
    if (error === undefined) this.onHandlersIdle();
    else this.#handlersIdle?.resolve();
  }

  /** A whole message has come. */
  #received(): void {
    if (this.#keepalive === undefined) return;
    this.#keepalive.framed();
    this.#keepalive.used();
  }

  /** Does what a stage of the end asks for. Each is entered once at the most, and "closed" always. */
  onClosing(stage: ClosingStage): void {
    switch (stage) {
      case "closeSent":
      case "flushing":
        this.#leaveOpen();
        // A close frame waits for no handler's turn.
        if (this.#flusher.isIdle) this.#endWhenSent();
        else this.#pacer.settled();
        if (this.#pacer.isBlocked) {
          // Not inside of whatever called: what is held may have events of its own.
          queueMicrotask(() => {
            this.#pacer.takeRestAtEnd();
          });
        }
        break;
      case "finSent":
        this.#transport.end();
        break;
      case "dropped":
        this.#leaveOpen();
        this.#flusher.stop(() => this.#closedError());
        this.#pacer.stop();
        if (this.#stream === "gone") this.endpoint.advance("socketClosed");
        else this.#transport.destroy();
        break;
      case "closed":
        this.#finish();
    }
  }

  /** Nothing is sent any more but what was sent before, and what this side has ended it does not deliver any more. */
  #leaveOpen(): void {
    this.#keepalive?.stop();
    this.#closeDeadline ??= this.#owner.deadlines.after(this.#closeTimeout, () => {
      // Where the closing handshake is done, the peer only fails to end its stream: that is no error.
      if (!this.endpoint.isClosed) {
        const error = new TimeoutError("CLOSE_TIMEOUT", this.#closeTimeout);
        this.endpoint.fail(error, 0, "local");
        this.#closeReport.report(error);
      }
      this.endpoint.advance("deadline");
    });
    if (this.endpoint.initiator === "local") this.dispatcher.stop(() => this.#closedError());
    this.#abort?.abort(this.#closedError());
  }

  /** All that was gathered has left, and nothing more will be: this side ends its stream. */
  #endWhenSent(): void {
    if (this.endpoint.stage === "flushing" && this.#flusher.isIdle && this.#stream !== "gone") {
      this.endpoint.advance("drained");
    }
  }

  #closedError(): ClosedError {
    return new ClosedError(this.#closeReport.closure);
  }

  /** The connection is over: its place is free, whatever its handlers are at. */
  #finish(): void {
    this.#closeDeadline?.cancel();
    const { closure } = this.#closeReport;
    // Again: a close frame that waited behind others has only now nothing to wait for.
    const reason = (): ClosedError => new ClosedError(closure);
    this.#flusher.stop(reason);
    this.dispatcher.end(reason);
    this.#closeReport.settle();
    this.#owner.ended(this as Link);
  }

  #trace(
    trace: NonNullable<LinkSettings["trace"]>,
    direction: Direction,
    { fin, rsv, opcode, masked, length }: Header,
  ): void {
    try {
      trace(this.connection as Connection, { direction, fin, rsv, opcode, masked, length });
    } catch {
      // A tracer that fails must not change what it watches.
    }
  }
}
