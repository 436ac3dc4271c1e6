/**
 * A link joins an endpoint to a transport and to an application's handlers, until the connection is over.
 *
 * Theory of operation. Received bytes go from transport to pacer, endpoint, dispatcher and handler. Sent messages go from outbox
 * to endpoint, flusher and transport. The link makes these parts, and passes the events of one part to the others. It decides
 * nothing itself: its teardown decides how the connection ends.
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
import type { Backlog } from "./send/backlog.ts";
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

/** What all links of one server, or all clients' links, share. */
export interface LinkOwner {
  readonly settings: LinkSettings;
  readonly deadlines: Deadlines;
  readonly observer: Observer | undefined;
  /** Reports the errors that no handler gets. */
  readonly unhandled: UnhandledErrorReporter;
  /** The topics of a server; undefined for a client. */
  readonly topics: Topics<ConnectionLink> | undefined;
  /** The unsent bytes of all connections of a server with `maxTotalBufferedAmount`. Default: they are not counted together. */
  readonly backlog?: Backlog | undefined;
  /** Calls a task in the async context of `serve` or `connect`. Used for calls that do not answer bytes of the peer. */
  readonly inContext: InContext;
  /** The server's response to a client's handshake; undefined on a server. */
  readonly response?: HandshakeResponse | undefined;
  /** A link has begun. */
  opened(link: Link): void;
  /** A link has ended. Its place among the open connections is free. */
  ended(link: Link): void;
}

/** The place of a connection among those of the same IP address. */
export interface LinkPlace {
  /** Counts the connection's messages; undefined if they have no limit. */
  readonly messages: MessageGate | undefined;
  /** The connection is over. */
  leave(): void;
}

/** What a link is made from. */
export interface LinkParts<Context> {
  readonly side: Side;
  readonly transport: Transport;
  readonly handlers: Handlers<Context>;
  readonly info: ConnectionInfo<Context>;
  /** Default: the settings of the owner. */
  readonly settings?: LinkSettings;
  /** Settings for messages that go to many connections. Default: no such messages. */
  readonly delivery?: DeliverySettings;
  /** Default: none. */
  readonly sessions?: readonly ExtensionSession[];
  /** The place among the connections of one address. Default: the connection does not count. */
  readonly place?: LinkPlace | undefined;
}

const noDelivery: DeliverySettings = { slow: "buffer", maxTopics: 0 };

/** Links that do not keep the process alive. As a rule the set is empty, so that most links need no field for this. */
const unheld: WeakSet<object> = /* @__PURE__ */ new WeakSet();

/**
 * Runs one connection from the end of its opening handshake to the end of its socket.
 *
 * The link owns the parts. The pacer decides when to read, the flusher when to write, the outbox what may be sent. The dispatcher
 * gives messages to handlers and callers. The keepalive finds dead and idle connections. The teardown ends the connection. The
 * close report keeps the first error, and calls the `error` and `close` handlers.
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
  // The teardown uses these parts.
  readonly transport: Transport;
  readonly flusher: Flusher;
  readonly pacer: Pacer;
  readonly keepalive: Keepalive | undefined;
  readonly settings: LinkSettings;
  readonly #owner: LinkOwner;
  readonly #place: LinkPlace | undefined;
  // The parts for the end are made when it begins, or when somebody asks, because most connections are idle.
  #closeReport: CloseReport<Context> | undefined;
  #teardown: Teardown | undefined;
  // Made when somebody asks for `handlers`.
  #handlersIdle: Deferred<void> | undefined;

  constructor(owner: LinkOwner, parts: LinkParts<Context>) {
    const { side, transport, handlers, info, sessions = [] } = parts;
    const { settings = owner.settings } = parts;
    const { messages, highWaterMark, times, trace } = settings;
    this.#owner = owner;
    this.#place = parts.place;
    this.delivery = parts.delivery ?? noDelivery;
    this.transport = transport;
    this.settings = settings;
    this.keepalive = needsKeepalive(times)
      ? new Keepalive(this, owner.deadlines, times)
      : undefined;
    this.dispatcher = new Dispatcher({
      handlers,
      owner: this,
      keepalive: this.keepalive,
      gate: parts.place?.messages,
      settings,
    });
    this.endpoint = new Endpoint(side, this.dispatcher, {
      // Not a spread: on V8 each object made by a spread has a shape of its own, which makes all code that reads it slow.
      maxFrameSize: messages.maxFrameSize,
      maxMessageSize: messages.maxMessageSize,
      maxFragments: messages.maxFragments,
      strictLength: settings.strictLength,
      codec: settings.codec,
      deliverAfterClose: settings.deliverAfterClose,
      autoPong: settings.autoPong,
      // `receive` and loops do not say whether a message is text, so they get text as strings.
      textAs: handlers.message === undefined ? "string" : settings.textAs,
      extensions: sessions,
      trace: trace && ((direction, header) => this.#trace(trace, direction, header)),
    });
    this.flusher = new Flusher(transport, this.endpoint.output, highWaterMark, this, owner.backlog);
    this.pacer = new Pacer(transport, this.endpoint, this.flusher, this);
    this.outbox = new Outbox(this.endpoint, this.flusher, this, settings);
    this.connection = new Connection(this, info);
    this.dispatcher.join(this.connection, this.endpoint);
  }

  get state(): ConnectionState {
    if (this.#teardown !== undefined) return this.#teardown.state;
    return this.endpoint.stage === "open" ? "open" : "closing";
  }

  get deadlines(): Deadlines {
    return this.#owner.deadlines;
  }

  get closeReport(): CloseReport<Context> {
    return (this.#closeReport ??= new CloseReport(
      this.connection,
      this.endpoint,
      this.dispatcher.handlers,
      this.#owner.observer,
      this.#owner.unhandled,
    ));
  }

  get #ending(): Teardown {
    const { closeTimeout, deliverAfterClose } = this.settings;
    return (this.#teardown ??= new Teardown(this, closeTimeout, deliverAfterClose));
  }

  get closed(): Promise<Closure> {
    return this.closeReport.closed;
  }

  /** Aborts when the connection is no longer open, with the ClosedError that `send` rejects with. */
  get signal(): RuntimeSignal {
    return this.#ending.signal;
  }

  /** Facts about the transport. */
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

  /** The topics of the server. @throws {TypeError} The connection belongs to a client. */
  get topics(): Topics<ConnectionLink> {
    const { topics } = this.#owner;
    if (topics === undefined)
      throw new TypeError("Only a server's connection has topics: this is a client's");
    return topics;
  }

  /**
   * Resolves when the handlers for received messages and the `close` handler are done; undefined if none is at work and no
   * message waits for one. Does not include the `open` handler, which has no time limit. Never rejects.
   */
  get handlers(): Promise<void> | undefined {
    const { isHandling } = this.dispatcher;
    if (!isHandling && this.#closeReport?.told === undefined) return undefined;
    if (isHandling) this.#handlersIdle ??= newDeferred<void>();
    const ignored = (): void => {};
    // The `close` handler is called when the other handlers are done.
    return (this.#handlersIdle?.promise ?? settled)
      .then(() => this.closeReport.told)
      .then(ignored, ignored);
  }

  /**
   * Starts the connection.
   *
   * @param response Bytes of the handshake's response; empty if it was already sent. They leave in one write with the replies to
   * `early`.
   * @param early Bytes that the peer sent after its handshake. The link owns them.
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

  /** Sets whether the connection keeps the process alive: its socket and its timers. */
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

  /** Stops reading. The connection will be closed when the handlers of received messages are done. */
  shut(): void {
    if (this.state === "open") this.pacer.shut();
  }

  /** Begins the closing handshake. @param timeout Milliseconds for it. */
  close(status: StatusCode, reason: string, timeout?: number): void {
    this.#ending.close(status, reason, timeout);
  }

  /** Gives the sent bytes to the transport, as many as it takes at once. */
  flush(): void {
    this.flusher.flush();
  }

  /** Drops the connection. Received messages that are not yet delivered are lost. */
  terminate(error?: unknown): void {
    this.#ending.terminate(error);
  }

  /** The application's code has caused a rejection that nobody handled. */
  onUnseen(error: unknown, thrower: ErrorThrower): void {
    this.closeReport.reportUnseen(error, thrower);
  }

  /** Fails the connection with 1011, because a message that was begun cannot be completed. */
  fail(error: unknown): void {
    if (this.state !== "open") return;
    this.endpoint.fail(error, StatusInternalServerError, "local");
    this.closeReport.report(error);
  }

  refusal(): ClosedError | undefined {
    return this.state === "open" ? undefined : this.#ending.closedError();
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

  /** A flush may call this in the async context of the code that has sent a message. */
  onDrained(): void {
    if (this.state !== "open") return;
    this.inContext(() => {
      this.dispatcher.drained();
    });
  }

  onRoom(): void {
    this.endpoint.onRoom();
    if (this.endpoint.stage !== "open") this.#ending.endWhenSent();
  }

  onEnd(): void {
    this.#ending.onEnd();
  }

  /** `terminate` may lead to this in the async context of the code that called it. */
  onClose(error?: Error): void {
    this.inContext(() => {
      this.#ending.onClose(error);
    });
  }

  onFail(error: unknown): void {
    // The callers of handlers catch the handlers' errors. So this error comes from the peer's bytes or from an extension.
    this.closeReport.report(error, "extensions");
  }

  onResume(): void {
    this.pacer.resume();
  }

  onOutput(): void {
    this.flusher.flushSoon();
    this.flusher.checkDrained();
  }

  /** The endpoint has got all received bytes. If the stream has ended, its end is reported now. */
  onIdle(): void {
    this.dispatcher.idle();
    // Without a teardown, the stream has not ended.
    this.#teardown?.onIdle();
  }

  onHandlerFailed(error: unknown, handler: ErrorThrower): void {
    // The handler has sent after the end. That is not a failure, since the `close` handler reports the end.
    if (error instanceof ClosedError && this.state !== "open") return;
    if (this.endpoint.isDelivering) {
      // A handler may read a message with a limit of its own, and throw the LimitError. The peer gets the same status as for
      // framewire's limit.
      const isTooBig = error instanceof LimitError && error.code === "MESSAGE_TOO_BIG";
      const status = isTooBig ? StatusMessageTooBig : StatusInternalServerError;
      this.endpoint.fail(error, status, "local");
    }
    // After a failed handler no message is delivered, whether or not the peer had closed before.
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
    // Nobody waits any longer for a handler that has run out of time.
    if (error === undefined) this.onHandlersIdle();
    else this.#handlersIdle?.resolve();
  }

  onClosing(stage: ClosingStage): void {
    this.#ending.onClosing(stage);
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
      // An error in the tracer must not change the connection.
      this.closeReport.reportAside(error, "trace");
    }
  }
}
