/**
 * An endpoint joined to a transport and to an application's handlers, until it is over.
 *
 * Theory of operation. Bytes go transport, pacer, endpoint, dispatcher, handler; messages go outbox, endpoint, flusher, transport. The
 * link makes these parts and tells one what another has to know. It decides nothing about either way; how the connection ends is its
 * teardown's to decide.
 *
 * @module
 */

import { type Direction, Endpoint, type Side } from "../endpoint/endpoint.ts";
import type { ClosingStage } from "../endpoint/closing.ts";
import { ClosedError, type Closure, LimitError, type TimeoutError } from "../errors.ts";
import type { Header } from "../frame/header.ts";
import type { ExtensionSession } from "../extension/extension.ts";
import type { HandshakeResponse } from "../handshake/client/handshake-response.ts";
import {
  type StatusCode,
  StatusGoingAway,
  StatusInternalServerError,
  StatusMessageTooBig,
} from "../status.ts";
import type { RuntimeSignal, Transport, TransportFacts, TransportHandler } from "../transport.ts";
import type { Deadlines } from "../clock.ts";
import { type Deferred, newDeferred, settled } from "../deferred.ts";
import type { Linked } from "../linked-list.ts";
import { Connection, type ConnectionInfo } from "./connection.ts";
import type { ConnectionLink, ConnectionState } from "./connection-link.ts";
import { Dispatcher, type DispatcherOwner } from "./receive/dispatcher.ts";
import { Flusher, type FlusherEvents } from "./send/flusher.ts";
import type { Handlers } from "./handlers.ts";
import type { InContext, Observer } from "./runtime-services.ts";
import { Keepalive, type KeepaliveEvents, needsKeepalive } from "./keepalive.ts";
import type { LinkSettings } from "./options.ts";
import { CloseReport } from "./close-report.ts";
import { Outbox, type OutboxOwner } from "./send/outbox.ts";
import type { MessageGate } from "./receive/message-gate.ts";
import { Pacer, type PacerEvents } from "./receive/pacer.ts";
import type { DeliverySettings } from "./server/delivery.ts";
import { Teardown, type TeardownParts } from "./teardown.ts";
import type { Pulling } from "./receive/pulling.ts";
import type { Topics } from "./server/topics.ts";
import type { ErrorThrower } from "./error-source.ts";
import type { UnhandledErrorReporter } from "./unhandled-errors.ts";

/** What all links of one server, or of all clients, share. */
export interface LinkOwner {
  readonly settings: LinkSettings;
  readonly deadlines: Deadlines;
  readonly observer: Observer | undefined;
  /** Who is told of what no handler takes. */
  readonly unhandled: UnhandledErrorReporter;
  /** A server's topics; clients have none. */
  readonly topics: Topics<ConnectionLink> | undefined;
  /** Calls what is no answer to what the peer has just sent, in the context of `serve` or `connect`. */
  readonly inContext: InContext;
  /** What a server answered to a client's handshake; a server has none. */
  readonly response?: HandshakeResponse | undefined;
  /** A link has begun. */
  opened(link: Link): void;
  /** A link has ended: its place is free. */
  ended(link: Link): void;
}

/** The place of a connection among those of its address. */
export interface LinkPlace {
  /** Is told of the connection's messages; undefined where they have no limit. */
  readonly messages: MessageGate | undefined;
  /** The connection is over. */
  leave(): void;
}

/** What a link is made of. */
export interface LinkParts<Context> {
  readonly side: Side;
  readonly transport: Transport;
  readonly handlers: Handlers<Context>;
  readonly info: ConnectionInfo<Context>;
  /** Default: those of the owner. */
  readonly settings?: LinkSettings;
  /** What holds for it where something is sent to many. Default: nothing is. */
  readonly delivery?: DeliverySettings;
  /** Default: none. */
  readonly sessions?: readonly ExtensionSession[];
  /** Its place among the connections of one address. Default: they are not counted. */
  readonly place?: LinkPlace | undefined;
}

const ofNobody: DeliverySettings = { slow: "buffer", maxTopics: 0 };

/** Links that the process does not live on for: most often none, so that those for which it does need no field. */
const unheld: WeakSet<object> = /* @__PURE__ */ new WeakSet();

/**
 * Runs one connection from the end of its opening handshake to the end of its socket.
 *
 * It owns the parts and passes on what one tells another. Its pacer knows when to read, its flusher when to write, its outbox what
 * may be sent, its dispatcher who gets what comes, its keepalive when it has gone on for too long, its teardown how it ends, and its
 * close report what went wrong and who is told.
 */
export class Link<Context = unknown>
  implements
    ConnectionLink,
    TransportHandler,
    PacerEvents,
    OutboxOwner,
    DispatcherOwner,
    KeepaliveEvents,
    FlusherEvents,
    TeardownParts,
    Linked<Link<Context>>
{
  previous: Link<Context> | undefined = undefined;
  next: Link<Context> | undefined = undefined;
  readonly connection: Connection<Context>;
  readonly endpoint: Endpoint;
  readonly outbox: Outbox;
  readonly delivery: DeliverySettings;
  readonly dispatcher: Dispatcher<Context>;
  // For the teardown.
  readonly transport: Transport;
  readonly flusher: Flusher;
  readonly pacer: Pacer;
  readonly keepalive: Keepalive | undefined;
  readonly closeReport: CloseReport<Context>;
  readonly deadlines: Deadlines;
  readonly #teardown: Teardown;
  readonly #owner: LinkOwner;
  readonly #place: LinkPlace | undefined;
  // Made when somebody asks for it.
  #handlersIdle: Deferred<void> | undefined;

  constructor(owner: LinkOwner, parts: LinkParts<Context>) {
    const { side, transport, handlers, info, sessions = [] } = parts;
    const { settings = owner.settings } = parts;
    const { messages, highWaterMark, times, trace } = settings;
    this.#owner = owner;
    this.#place = parts.place;
    this.delivery = parts.delivery ?? ofNobody;
    this.transport = transport;
    this.deadlines = owner.deadlines;
    this.#teardown = new Teardown(this, settings.closeTimeout, settings.deliverAfterClose);
    this.keepalive = needsKeepalive(times)
      ? new Keepalive(this, owner.deadlines, times)
      : undefined;
    this.dispatcher = new Dispatcher({
      handlers,
      owner: this,
      keepalive: this.keepalive,
      gate: parts.place?.messages,
      deadlines: owner.deadlines,
      settings,
    });
    this.endpoint = new Endpoint(side, this.dispatcher, {
      // Not spread: on V8 each copy of that kind has a shape of its own, and all that reads it becomes slow.
      maxFrameSize: messages.maxFrameSize,
      maxMessageSize: messages.maxMessageSize,
      maxFragments: messages.maxFragments,
      strictLength: settings.strictLength,
      codec: settings.codec,
      deliverAfterClose: settings.deliverAfterClose,
      autoPong: settings.autoPong,
      // Those who ask for messages could not tell text from binary.
      textAs: handlers.message === undefined ? "string" : settings.textAs,
      extensions: sessions,
      trace: trace && ((direction, header) => this.#trace(trace, direction, header)),
    });
    this.flusher = new Flusher(transport, this.endpoint.output, highWaterMark, this);
    this.pacer = new Pacer(transport, this.endpoint, this.flusher, this, settings.afterTurn);
    this.outbox = new Outbox(this.endpoint, this.flusher, this, settings);
    this.connection = new Connection(this, info);
    this.closeReport = new CloseReport(
      this.connection,
      this.endpoint,
      handlers,
      owner.observer,
      owner.unhandled,
    );
    this.dispatcher.join(this.connection, this.endpoint, this.pacer);
  }

  get state(): ConnectionState {
    return this.#teardown.state;
  }

  get closed(): Promise<Closure> {
    return this.closeReport.closed;
  }

  /** Aborts when the connection is no longer open, with the ClosedError that `send` rejects with. */
  get signal(): RuntimeSignal {
    return this.#teardown.signal;
  }

  /** What is known of its transport. */
  get facts(): TransportFacts {
    return this.transport;
  }

  get pulling(): Pulling {
    return this.dispatcher.pulling;
  }

  get roundTripTime(): number | undefined {
    return this.keepalive?.roundTripTime;
  }

  get response(): HandshakeResponse | undefined {
    return this.#owner.response;
  }

  get isReading(): boolean {
    return !this.pacer.isPaused;
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
    if (!isHandling && this.closeReport.told === undefined) return undefined;
    if (isHandling) this.#handlersIdle ??= newDeferred<void>();
    const ignored = (): void => {};
    // The last one is called when the others are done.
    return (this.#handlersIdle?.promise ?? settled)
      .then(() => this.closeReport.told)
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
    this.transport.handler = this;
    this.#owner.opened(this as Link);
    this.#owner.observer?.opened(this.connection as Connection);
    this.keepalive?.start();
    if (response.length > 0) this.endpoint.output.addRaw(response);
    this.flusher.gather();
    this.dispatcher.open();
    this.pacer.start(early);
  }

  /** Calls a task in the context of `serve` or `connect`. */
  inContext(task: () => void): void {
    this.#owner.inContext(task);
  }

  get isHeld(): boolean {
    return !unheld.has(this);
  }

  /** Says whether the process lives on for the connection: for its socket, and for what it waits for. */
  hold(holds: boolean): void {
    if (holds) {
      unheld.delete(this);
      this.transport.ref?.();
    } else {
      unheld.add(this);
      this.transport.unref?.();
    }
    this.keepalive?.hold(holds);
  }

  gather(): void {
    this.flusher.gather();
  }

  release(): void {
    this.flusher.release();
  }

  /** Takes nothing in any more: the connection will be closed once what has come is done with. */
  shut(): void {
    if (this.state === "open") this.pacer.shut();
  }

  /** Begins the closing handshake. @param timeout Milliseconds for it. */
  close(status: StatusCode, reason: string, timeout?: number): void {
    this.#teardown.close(status, reason, timeout);
  }

  /** Gives what was sent to the transport, as far as it takes it at once. */
  flush(): void {
    this.flusher.flush();
  }

  /** Drops the connection; what has come and is not delivered yet never will be. */
  terminate(error?: unknown): void {
    this.#teardown.terminate(error);
  }

  /** The application's code has thrown what nobody looks at. */
  onUnseen(error: unknown, thrower: ErrorThrower): void {
    this.closeReport.reportUnseen(error, thrower);
  }

  /** Fails the connection with 1011: what was begun to be sent cannot be completed. */
  fail(error: unknown): void {
    if (this.state !== "open") return;
    this.endpoint.fail(error, StatusInternalServerError, "local");
    this.closeReport.report(error);
  }

  refusal(): ClosedError | undefined {
    return this.state === "open" ? undefined : this.#teardown.closedError();
  }

  onOverflow(error: LimitError): void {
    this.terminate(error);
  }

  /** A message was sent. */
  used(): void {
    this.keepalive?.used();
  }

  /** A ping was sent. */
  pinged(): void {
    this.keepalive?.pinged();
  }

  sendPing(payload: Uint8Array): void {
    void this.outbox.ping(payload);
    this.pinged();
  }

  onLost(error: TimeoutError): void {
    this.inContext(() => {
      this.terminate(error);
    });
  }

  onDue(error: TimeoutError): void {
    this.inContext(() => {
      this.closeReport.report(error);
      this.close(StatusGoingAway, "");
    });
  }

  onData(chunk: Uint8Array): void {
    const { length } = chunk;
    if (this.transport.hasOwnChunks === true) this.dispatcher.beginChunk(chunk);
    this.pacer.receive(chunk);
    this.keepalive?.heard(length, this.endpoint.isInMessage);
  }

  onDrain(): void {
    this.flusher.onDrain();
  }

  onBlocked(): void {
    this.keepalive?.blocked();
  }

  onUnblocked(bytes: number): void {
    this.keepalive?.took(bytes);
  }

  /** It may come in the context of the caller that has sent. */
  onDrained(): void {
    if (this.state !== "open") return;
    this.inContext(() => {
      this.dispatcher.drained();
    });
  }

  onRoom(): void {
    this.endpoint.onRoom();
    this.#teardown.endWhenSent();
  }

  onEnd(): void {
    this.#teardown.onEnd();
  }

  /** It may come in the context of the caller that has dropped the connection. */
  onClose(error?: Error): void {
    this.inContext(() => {
      this.#teardown.onClose(error);
    });
  }

  onFail(error: unknown): void {
    // Handlers are called by others, who catch what they throw: what is left is the peer's, or an extension's.
    this.closeReport.report(error, "extensions");
  }

  onResume(): void {
    this.pacer.resume();
  }

  onOutput(): void {
    this.flusher.flushSoon();
    this.flusher.checkDrained();
  }

  /** The endpoint has got all that has come. Only now the end of the stream is told, where it has ended. */
  onIdle(): void {
    this.dispatcher.idle();
    this.#teardown.onIdle();
  }

  onHandlerFailed(error: unknown, handler: ErrorThrower): void {
    // The handler sent too late. That is no failure: the handler for the end tells the same.
    if (error instanceof ClosedError && this.state !== "open") return;
    if (this.endpoint.isDelivering) {
      // A handler that reads a message up to a limit of its own, and lets the error pass, says what the library says of its own limit.
      const isTooBig = error instanceof LimitError && error.code === "MESSAGE_TOO_BIG";
      const status = isTooBig ? StatusMessageTooBig : StatusInternalServerError;
      this.endpoint.fail(error, status, "local");
    }
    // After a failure nothing is delivered any more, whether the peer had closed by then or not.
    this.dispatcher.cut();
    this.closeReport.report(error, handler);
  }

  onHandlersIdle(): void {
    if (this.dispatcher.isHandling) return;
    this.#handlersIdle?.resolve();
    this.#handlersIdle = undefined;
  }

  onDelivered(error: TimeoutError | undefined): void {
    this.inContext(() => {
      if (error !== undefined) this.closeReport.report(error);
      this.closeReport.tell();
    });
    // Nobody waits any longer for a handler that was given up.
    if (error === undefined) this.onHandlersIdle();
    else this.#handlersIdle?.resolve();
  }

  onClosing(stage: ClosingStage): void {
    this.#teardown.onClosing(stage);
  }

  onEnded(): void {
    this.#place?.leave();
    this.#owner.ended(this as Link);
  }

  #trace(
    trace: NonNullable<LinkSettings["trace"]>,
    direction: Direction,
    { fin, rsv, opcode, masked, length }: Header,
  ): void {
    try {
      trace(this.connection as Connection, { direction, fin, rsv, opcode, masked, length });
    } catch (error) {
      // A tracer that fails must not change what it watches.
      this.closeReport.reportAside(error, "trace");
    }
  }
}
