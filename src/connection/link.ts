/**
 * An endpoint joined to a transport and to an application's handlers, until it is over.
 *
 * @module
 */

import { type Direction, Endpoint, type EndpointEvents, type Side } from "../endpoint/endpoint.ts";
import {
  ClosedError,
  type Closure,
  connectionLost,
  type LimitError,
  TimeoutError,
} from "../errors.ts";
import type { Header } from "../frame/header.ts";
import type { ExtensionSession } from "../extension/extension.ts";
import { type StatusCode, StatusGoingAway, StatusInternalServerError } from "../status.ts";
import type { Transport, TransportFacts, TransportHandler } from "../transport.ts";
import type { Deadline, Deadlines } from "../clock.ts";
import type { Linked } from "../linked-list.ts";
import { Connection, type ConnectionInfo, type ConnectionState } from "./connection.ts";
import type { Handlers } from "./handlers.ts";
import type { Observer } from "./host.ts";
import { Liveness, type LivenessEvents, needsLiveness } from "./liveness.ts";
import { Messages, type MessagesOwner } from "./messages.ts";
import type { ConnectionSettings } from "./options.ts";
import { Outcome } from "./outcome.ts";
import { Outbox, type OutboxOwner } from "./outbox.ts";
import { Receiver, type ReceiverEvents } from "./receiving.ts";
import { Sender, type SenderEvents } from "./sending.ts";
import type { Topics } from "./topics.ts";

/** What all links of one server, or of all clients, share. */
export interface LinkOwner {
  readonly settings: ConnectionSettings;
  readonly deadlines: Deadlines;
  readonly observer: Observer | undefined;
  /** A server's topics; clients have none. */
  readonly topics: Topics<Link> | undefined;
  /** A link has begun. */
  opened(link: Link): void;
  /** A link has ended: its last handler was called. */
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

/**
 * Runs one connection from the end of its opening handshake to the end of its socket.
 *
 * It passes events on, and knows when all is over; its receiver knows when to read on, its sender when to write, its outbox
 * what may be sent, its messages who gets them, its liveness when it has gone on for too long, its outcome how it ended.
 */
export class Link<Context = unknown>
  implements
    TransportHandler,
    EndpointEvents,
    ReceiverEvents,
    OutboxOwner,
    MessagesOwner,
    LivenessEvents,
    SenderEvents,
    Linked<Link<Context>>
{
  previous: Link<Context> | undefined = undefined;
  next: Link<Context> | undefined = undefined;
  readonly connection: Connection<Context>;
  readonly endpoint: Endpoint;
  readonly outbox: Outbox;
  readonly messages: Messages<Context>;
  readonly #owner: LinkOwner;
  readonly #transport: Transport;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #liveness: Liveness | undefined;
  readonly #outcome: Outcome<Context>;
  // How far its end has come.
  #hasPeerEnded = false;
  #isTransportClosed = false;
  #transportError: Error | undefined;
  #isEnding = false;
  #isEnded = false;
  #closeDeadline: Deadline | undefined;

  constructor(owner: LinkOwner, parts: LinkParts<Context>) {
    const { side, transport, handlers, info, sessions = [] } = parts;
    const { settings } = owner;
    const { messages, highWaterMark, times, trace } = settings;
    this.#owner = owner;
    this.#transport = transport;
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
    this.#sender = new Sender(transport, this.endpoint.output, highWaterMark, this);
    this.#receiver = new Receiver(transport, this.endpoint, this.#sender, this, settings.afterTurn);
    this.outbox = new Outbox(this.endpoint, this.#sender, this, settings);
    this.#liveness = needsLiveness(times) ? new Liveness(this, owner.deadlines, times) : undefined;
    this.connection = new Connection(this, info);
    this.#outcome = new Outcome(this.connection, this.endpoint, handlers, owner.observer);
    this.messages = new Messages({
      connection: this.connection,
      handlers,
      endpoint: this.endpoint,
      receiver: this.#receiver,
      owner: this,
      deadlines: owner.deadlines,
      settings,
    });
  }

  get state(): ConnectionState {
    if (this.#isTransportClosed) return "closed";
    return this.endpoint.state === "open" ? "open" : "closing";
  }

  get closed(): Promise<Closure> {
    return this.#outcome.closed;
  }

  /** What is known of its transport. */
  get facts(): TransportFacts {
    return this.#transport;
  }

  get roundTripTime(): number | undefined {
    return this.#liveness?.roundTripTime;
  }

  get isReading(): boolean {
    return !this.#receiver.isPaused;
  }

  /** The topics of its server. @throws {TypeError} It is a client's. */
  get topics(): Topics<Link> {
    const { topics } = this.#owner;
    if (topics === undefined) throw new TypeError("Topics are a server's: a client has none");
    return topics;
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
    this.#liveness?.start();
    if (response.length > 0) this.endpoint.output.addRaw(response);
    this.#sender.gather();
    this.messages.open();
    this.#receiver.start(early);
  }

  /** Begins the closing handshake. @param timeout Milliseconds for it. */
  close(status: StatusCode, reason: string, timeout?: number): void {
    if (this.state !== "open") return;
    const { isBusy } = this.#receiver;
    this.endpoint.close(status, reason);
    this.#startCloseDeadline(timeout);
    this.#sender.flushSoon();
    this.#stopUse();
    // A handler may await the end of its own connection: from here on nothing waits for it, nor for a message.
    if (isBusy) queueMicrotask(() => this.#receiver.release());
  }

  /** Drops the connection. */
  terminate(error?: unknown): void {
    if (this.#isEnded) return;
    this.endpoint.fail(error, 0, "local");
    if (error !== undefined) this.#outcome.report(error);
    this.#sender.stop(() => this.#closedError());
    this.#receiver.stop();
    this.#stopUse();
    if (this.#isTransportClosed) {
      this.#finish();
    } else {
      this.#transport.destroy();
    }
  }

  /** Fails the connection with 1011: what was begun to be sent cannot be completed. */
  fail(error: unknown): void {
    if (this.state !== "open") return;
    this.endpoint.fail(error, StatusInternalServerError, "local");
    this.#outcome.report(error);
    this.#receiver.release();
  }

  refusal(): ClosedError | undefined {
    return this.state === "open" ? undefined : this.#closedError();
  }

  onOverflow(error: LimitError): void {
    this.terminate(error);
  }

  /** A message was sent. */
  used(): void {
    this.#liveness?.used();
  }

  /** A ping was sent. */
  pinged(): void {
    this.#liveness?.pinged();
  }

  sendPing(payload: Uint8Array): void {
    void this.outbox.ping(payload);
    this.pinged();
  }

  onLost(error: TimeoutError): void {
    this.terminate(error);
  }

  onDue(error: TimeoutError): void {
    this.#outcome.report(error);
    this.close(StatusGoingAway, "");
  }

  onData(chunk: Uint8Array): void {
    this.#liveness?.heard();
    if (this.#transport.hasOwnChunks === true) this.messages.beginChunk(chunk);
    this.#receiver.receive(chunk);
  }

  onDrain(): void {
    this.#sender.onDrain();
    if (this.#isEnding) this.#endWhenSent();
  }

  onDrained(): void {
    if (this.state === "open") this.messages.drained();
  }

  onRoom(): void {
    this.outbox.onRoom();
  }

  onEnd(): void {
    this.#hasPeerEnded = true;
    this.#receiver.end();
    if (!this.#receiver.isBusy) this.onIdle();
  }

  onClose(error?: Error): void {
    this.#isTransportClosed = true;
    this.#transportError = error;
    this.#closeDeadline?.cancel();
    this.#liveness?.stop();
    this.#sender.stop(() => this.#closedError());
    this.outbox.stop(() => this.#closedError());
    // What came before it is delivered first.
    this.#receiver.end();
    if (!this.#receiver.isBusy) this.onIdle();
  }

  onText(data: string): void {
    this.#liveness?.used();
    this.messages.deliver(data);
  }

  onBinary(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
    this.#liveness?.used();
    this.messages.deliverBytes(bytes, start, end, isOwned);
  }

  onMessageBegin(isText: boolean): void {
    this.messages.begin(isText);
  }

  onMessagePiece(bytes: Uint8Array, start: number, end: number): void {
    this.messages.add(bytes, start, end);
  }

  onMessageEnd(): void {
    this.#liveness?.used();
    this.messages.complete();
  }

  onPing(bytes: Uint8Array, start: number, end: number): void {
    this.messages.ping(bytes, start, end);
  }

  onPong(bytes: Uint8Array, start: number, end: number): void {
    this.#liveness?.ponged(bytes, start, end);
    this.messages.pong(bytes, start, end);
  }

  onFail(error: unknown): void {
    this.#outcome.report(error);
    // Also outside of what the transport calls.
    this.#sender.flushSoon();
  }

  onResume(): void {
    this.#receiver.resume();
  }

  onOutput(): void {
    this.#sender.flushSoon();
    this.#sender.checkDrained();
    this.outbox.onRoom();
  }

  onIdle(): void {
    this.messages.idle();
    if (this.#isTransportClosed) {
      this.#finish();
      return;
    }
    if (this.#hasPeerEnded) this.#failTransport();
    if (this.endpoint.isClosed) this.#end();
  }

  onHandlerFailed(error: unknown): void {
    // A send that came too late: `close` tells the same.
    if (error instanceof ClosedError && this.state !== "open") return;
    if (this.endpoint.state === "open") {
      this.endpoint.fail(error, StatusInternalServerError, "local");
    }
    this.#outcome.report(error);
  }

  /** Nothing is sent any more, and no message is delivered: this side has begun to end. */
  #stopUse(): void {
    this.#liveness?.stop();
    const reason = (): ClosedError => this.#closedError();
    this.outbox.stop(reason);
    this.messages.stop(reason);
  }

  /** The stream is over. Before the closing handshake is, that is a failure. */
  #failTransport(): void {
    if (this.endpoint.isClosed) return;
    const error = connectionLost(this.#transportError);
    this.endpoint.fail(error, 0, "transport");
    this.#outcome.report(error);
  }

  /** Nothing more is due but the end of the stream: the side that is done first says so. */
  #end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#liveness?.stop();
    this.outbox.stop(() => this.#closedError());
    this.#startCloseDeadline();
    this.#endWhenSent();
  }

  #endWhenSent(): void {
    if (this.#sender.isIdle && !this.#isTransportClosed) this.#transport.end();
  }

  #startCloseDeadline(timeout: number = this.#owner.settings.closeTimeout): void {
    if (this.#closeDeadline !== undefined || this.#isTransportClosed) return;
    this.#closeDeadline = this.#owner.deadlines.after(timeout, () => {
      // Where the closing handshake is done, the peer only fails to end its stream: that is no error.
      this.terminate(
        this.endpoint.isClosed ? undefined : new TimeoutError("CLOSE_TIMEOUT", timeout),
      );
    });
  }

  #closedError(): ClosedError {
    return new ClosedError(this.#outcome.closure);
  }

  #finish(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#failTransport();
    const { closure } = this.#outcome;
    this.messages.end(() => new ClosedError(closure));
    this.#outcome.finish(closure);
    this.#owner.ended(this as Link);
  }

  #trace(
    trace: NonNullable<ConnectionSettings["trace"]>,
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
