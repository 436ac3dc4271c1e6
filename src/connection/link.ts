/**
 * An endpoint joined to a transport and to an application's handlers, until it is over.
 *
 * @module
 */

import { encodeUtf8 } from "../bytes.ts";
import { Endpoint, type EndpointEvents, type Side } from "../endpoint/endpoint.ts";
import type { PreparedMessage } from "../endpoint/prepared.ts";
import { ClosedError, type Closure, LimitError, TimeoutError, TransportError } from "../errors.ts";
import type { ExtensionSession } from "../extension/extension.ts";
import { MaxHeaderSize } from "../frame/header.ts";
import { type StatusCode, StatusInternalServerError } from "../status.ts";
import type { Transport, TransportHandler } from "../transport.ts";
import type { Deadline, Deadlines } from "../clock.ts";
import { Connection, type ConnectionInfo, type ConnectionState } from "./connection.ts";
import { type Deferred, isPromise, newDeferred, rejected } from "../deferred.ts";
import type { Data, Handlers } from "./handlers.ts";
import type { ConnectionSettings } from "./options.ts";
import { Receiver, type ReceiverEvents } from "./receiving.ts";
import { Sender, sent } from "./sending.ts";

/** What all links of one server or client share. */
export interface LinkOwner<Context> {
  readonly handlers: Handlers<Context>;
  readonly settings: ConnectionSettings;
  readonly deadlines: Deadlines;
  /** A link has begun. */
  opened(link: Link<Context>): void;
  /** A link has ended: its last handler was called. */
  ended(link: Link<Context>): void;
}

/**
 * Runs one connection from the end of its opening handshake to the end of its socket.
 *
 * It calls the handlers, keeps what went wrong, and knows when all is over; its receiver knows when to read on, its
 * sender when to write.
 */
export class Link<Context> implements TransportHandler, EndpointEvents, ReceiverEvents {
  readonly connection: Connection<Context>;
  readonly #owner: LinkOwner<Context>;
  readonly #transport: Transport;
  readonly #endpoint: Endpoint;
  readonly #sender: Sender;
  readonly #receiver: Receiver;

  // How it ends.
  #hasPeerEnded = false;
  #isTransportClosed = false;
  #transportError: Error | undefined;
  #isEnding = false;
  #isEnded = false;
  #closeDeadline: Deadline | undefined;
  #error: unknown;
  #closed: Deferred<Closure> | undefined;
  #closure: Closure | undefined;

  constructor(
    side: Side,
    transport: Transport,
    owner: LinkOwner<Context>,
    info: ConnectionInfo<Context>,
    extensions: readonly ExtensionSession[] = [],
  ) {
    const { messages, strictLength, highWaterMark } = owner.settings;
    this.#owner = owner;
    this.#transport = transport;
    this.#endpoint = new Endpoint(side, this, { ...messages, strictLength, extensions });
    this.#sender = new Sender(transport, this.#endpoint.output, highWaterMark);
    this.#receiver = new Receiver(transport, this.#endpoint, this.#sender, this);
    this.connection = new Connection(this, info);
  }

  get state(): ConnectionState {
    if (this.#isTransportClosed) return "closed";
    return this.#endpoint.state === "open" ? "open" : "closing";
  }

  get bufferedAmount(): number {
    return this.#endpoint.output.unsent;
  }

  get closed(): Promise<Closure> {
    this.#closed ??= newDeferred<Closure>();
    if (this.#closure !== undefined) this.#closed.resolve(this.#closure);
    return this.#closed.promise;
  }

  /**
   * Begins.
   *
   * @param response Bytes that open the connection; they leave together with the replies to what came early.
   * @param early Bytes that the peer sent behind its handshake; the link's to keep.
   */
  start(response: Uint8Array, early: Uint8Array): void {
    this.#transport.handler = this;
    this.#owner.opened(this);
    this.#endpoint.output.addRaw(response);
    this.#sender.gather();
    try {
      const result = this.#owner.handlers.open?.(this.connection);
      if (isPromise(result)) this.#receiver.await(result);
    } catch (error) {
      this.onHandlerFailed(error);
    }
    this.#receiver.start(early);
  }

  send(data: Data, compress: boolean): Promise<void> {
    if (this.state !== "open") return this.#refused();
    const excess = this.#excess(data);
    if (excess !== undefined) return this.#overflow(excess);
    if (typeof data === "string") {
      this.#endpoint.sendText(data, compress);
    } else {
      this.#endpoint.sendBinary(data, compress);
    }
    this.#sender.flushSoon();
    return this.#sender.whenSent();
  }

  sendPrepared(message: PreparedMessage): Promise<void> {
    if (this.state !== "open") return this.#refused();
    const excess = this.#excess(message.bytes);
    if (excess !== undefined) return this.#overflow(excess);
    this.#endpoint.sendPrepared(message);
    this.#sender.flushSoon();
    return this.#sender.whenSent();
  }

  ping(payload: Uint8Array): Promise<void> {
    if (this.state !== "open") return this.#refused();
    const excess = this.#excess(payload);
    if (excess !== undefined) return this.#overflow(excess);
    this.#endpoint.sendPing(payload);
    this.#sender.flushSoon();
    return this.#sender.whenSent();
  }

  close(status: StatusCode, reason: string): void {
    if (this.state !== "open") return;
    const { isBusy } = this.#receiver;
    this.#endpoint.close(status, reason);
    this.#startCloseDeadline();
    this.#sender.flushSoon();
    // A handler may await the end of its own connection: from here on nothing waits for it, nor for a message.
    if (isBusy) queueMicrotask(() => this.#receiver.release());
  }

  /** Drops the connection. */
  terminate(error?: unknown): void {
    if (this.#isEnded) return;
    this.#endpoint.fail(error, 0, "local");
    if (error !== undefined) this.#report(error);
    this.#sender.stop(() => new ClosedError(this.#currentClosure()));
    this.#receiver.stop();
    if (this.#isTransportClosed) {
      this.#finish();
    } else {
      this.#transport.destroy();
    }
  }

  onData(chunk: Uint8Array): void {
    this.#receiver.receive(chunk);
  }

  onDrain(): void {
    this.#sender.onDrain();
    if (this.#isEnding) this.#endWhenSent();
  }

  onEnd(): void {
    this.#hasPeerEnded = true;
    if (!this.#receiver.isBusy) this.onIdle();
  }

  onClose(error?: Error): void {
    this.#isTransportClosed = true;
    this.#transportError = error;
    this.#closeDeadline?.cancel();
    this.#sender.stop(() => new ClosedError(this.#currentClosure()));
    // What came before it is delivered first.
    if (!this.#receiver.isBusy) this.onIdle();
  }

  onText(data: string): void {
    this.#deliver(data);
  }

  onBinary(bytes: Uint8Array, start: number, end: number, isOwned: boolean): void {
    if (isOwned) {
      this.#deliver(bytes);
    } else if (this.#owner.settings.borrow) {
      this.#deliver(bytes.subarray(start, end));
    } else {
      this.#deliver(bytes.slice(start, end));
    }
  }

  onPing(): void {}

  onPong(): void {}

  onFail(error: unknown): void {
    this.#report(error);
    // Also outside of what the transport calls.
    this.#sender.flushSoon();
  }

  onResume(): void {
    this.#receiver.resume();
  }

  onOutput(): void {
    this.#sender.flushSoon();
    this.#sender.checkDrained();
  }

  onIdle(): void {
    if (this.#isTransportClosed) {
      this.#finish();
      return;
    }
    if (this.#hasPeerEnded) this.#failTransport();
    if (this.#endpoint.isClosed) this.#end();
  }

  onHandlerFailed(error: unknown): void {
    // A send that came too late: `close` tells the same.
    if (error instanceof ClosedError && this.state !== "open") return;
    if (this.#endpoint.state === "open") {
      this.#endpoint.fail(error, StatusInternalServerError, "local");
    }
    this.#report(error);
  }

  /** Calls the one handler that is called per message: in the open, without a closure. */
  #deliver(data: Data): void {
    let result: unknown;
    try {
      result = this.#owner.handlers.message?.(this.connection, data);
    } catch (error) {
      this.onHandlerFailed(error);
      return;
    }
    if (result !== undefined && result !== sent && isPromise(result)) this.#receiver.await(result);
  }

  /** The stream is over. Before the closing handshake is, that is a failure. */
  #failTransport(): void {
    if (this.#endpoint.isClosed) return;
    const cause = this.#transportError;
    const error = new TransportError(cause === undefined ? "UNEXPECTED_END" : "RESET", { cause });
    this.#endpoint.fail(error, 0, "transport");
    this.#report(error);
  }

  #report(error: unknown): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    try {
      const result = this.#owner.handlers.error?.(this.connection, error);
      if (isPromise(result)) result.then(undefined, (reason) => this.#addError(reason));
    } catch (reason) {
      this.#addError(reason);
    }
  }

  /** A handler for errors or for the end failed itself: `closed` is the last place to say it. */
  #addError(reason: unknown): void {
    this.#error =
      this.#error === undefined
        ? reason
        : new AggregateError([this.#error, reason], "A handler failed after another error");
  }

  /** Nothing more is due but the end of the stream: the side that is done first says so. */
  #end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#startCloseDeadline();
    this.#endWhenSent();
  }

  #endWhenSent(): void {
    if (this.#sender.isIdle && !this.#isTransportClosed) this.#transport.end();
  }

  #startCloseDeadline(): void {
    if (this.#closeDeadline !== undefined || this.#isTransportClosed) return;
    const { closeTimeout } = this.#owner.settings;
    this.#closeDeadline = this.#owner.deadlines.after(closeTimeout, () => {
      // Where the closing handshake is done, the peer only fails to end its stream: that is no error.
      this.terminate(
        this.#endpoint.isClosed ? undefined : new TimeoutError("CLOSE_TIMEOUT", closeTimeout),
      );
    });
  }

  #currentClosure(): Closure {
    const closure = this.#endpoint.closure;
    return this.#error === undefined ? closure : { ...closure, error: this.#error };
  }

  #finish(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#failTransport();
    try {
      const result = this.#owner.handlers.close?.(this.connection, this.#currentClosure());
      if (isPromise(result)) {
        result.then(
          () => this.#settle(),
          (reason: unknown) => {
            this.#addError(reason);
            this.#settle();
          },
        );
      } else {
        this.#settle();
      }
    } catch (reason) {
      this.#addError(reason);
      this.#settle();
    }
    this.#owner.ended(this);
  }

  #settle(): void {
    this.#closure = this.#currentClosure();
    this.#closed?.resolve(this.#closure);
  }

  /**
   * Tells how much would be unsent with `data`, where that is too much.
   *
   * One message always fits, however large: nothing else could ever send it.
   */
  #excess(data: Data): number | undefined {
    const unsent = this.#endpoint.output.unsent;
    const most = this.#owner.settings.maxBufferedAmount;
    // Three bytes a UTF-16 unit at the most: near the limit, and only there, they are counted.
    if (unsent === 0 || unsent + MaxHeaderSize + 3 * data.length <= most) return undefined;
    const payload = typeof data === "string" ? encodeUtf8(data).length : data.length;
    const whole = unsent + MaxHeaderSize + payload;
    return whole > most ? whole : undefined;
  }

  #overflow(actual: number): Promise<never> {
    const most = this.#owner.settings.maxBufferedAmount;
    const error = new LimitError("TOO_MUCH_BUFFERED", most, actual);
    this.terminate(error);
    return rejected(error);
  }

  #refused(): Promise<never> {
    return rejected(new ClosedError(this.#currentClosure()));
  }
}
