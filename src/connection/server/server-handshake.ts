/**
 * The server's side of the opening handshake, with its deadlines (RFC 6455, 4.2): a connection that is not open yet.
 *
 * Theory of operation. A ServerHandshake reads heads of requests, each within its time. It lends the connection to an
 * UpgradeExchange if a request asks for an upgrade, and to an HttpExchange for any other request. An exchange decides, and
 * answers. It gives the connection back after the answer to a plain request, to read the next head, or when a request must be
 * refused. A refusal ends the connection.
 *
 * @module
 */

import { connectionLost, HandshakeError, type LimitError, TimeoutError } from "../../errors.ts";
import {
  asksForWebSocket,
  checkPlainRequest,
  checkRequest,
  checkUpgrade,
} from "../../handshake/server/request.ts";
import { toHandshakeError, writeRefusal } from "../../handshake/server/response.ts";
import type { ProxyHeaderParser } from "../../handshake/proxy-protocol/parser.ts";
import type { Peer } from "../../handshake/server/peer.ts";
import { UpgradeRequest } from "../../handshake/server/upgrade-request.ts";
import { requestFraming } from "../../http/body.ts";
import { type HeadLimits, HeadParser } from "../../http/parser.ts";
import { socketAddress } from "../../ip-address.ts";
import type { Transport, TransportHandler } from "../../transport.ts";
import type { Deadline, Deadlines } from "../../clock.ts";
import type { Linked } from "../../linked-list.ts";
import { answererOf } from "../http/answerer.ts";
import { type Answerer, type ExchangeOwner, HttpExchange } from "../http/exchange.ts";
import type { HttpRequest } from "../http/request.ts";
import type { HttpSettings } from "../http/settings.ts";
import type { RouteHandlers, ServerHandlers } from "../handlers.ts";
import { Admission, type AdmissionOwner } from "./admission.ts";
import { keepHead } from "./head-memory.ts";
import { tellHookFailure } from "./hook-failure.ts";
import type { Routes } from "./routes.ts";
import {
  newShutdownRefusal,
  UpgradeExchange,
  type UpgradeExchangeOwner,
  type UpgradeServer,
} from "./upgrade-exchange.ts";

/** What all handshakes of one server share. */
export interface ServerHandshakeOwner<Context> extends UpgradeServer<Context>, AdmissionOwner {
  readonly handlers: ServerHandlers<Context>;
  /** Handlers by path; undefined if one set of handlers serves all paths. */
  readonly routes: Routes<RouteHandlers<Context>> | undefined;
  readonly headLimits: HeadLimits;
  /** Limits of plain requests. */
  readonly http: HttpSettings;
  /** The application that answers plain requests without a hook. */
  readonly application: Answerer | undefined;
  /** A handshake has begun. */
  handshakeBegan(opening: ServerHandshake<Context>): void;
  /** A handshake has ended, with or without success. */
  handshakeEnded(opening: ServerHandshake<Context>): void;
  /** A handshake has failed. */
  handshakeRefused(
    error: HandshakeError,
    remoteAddress: string | undefined,
    peer: Peer | undefined,
  ): void;
}

/*
 * proxied: waits for the PROXY header of a balancer. reading: waits for a head. deciding: an UpgradeExchange has the connection.
 * serving: an HttpExchange has it. idle: a plain request was answered, and nothing of another one has come. refused: the last
 * answer was sent; received bytes are dropped. dropped: the socket was destroyed, and its end will follow. over: the socket is
 * closed, or a link has taken over.
 */
type Phase =
  | "proxied"
  | "reading"
  | "deciding"
  | "serving"
  | "idle"
  | "refused"
  | "dropped"
  | "over";

const notFound = { status: 404, message: "Nothing is served at this path" } as const;

/** Reads requests and has them answered: any number of plain requests, then the one that opens the connection. */
export class ServerHandshake<Context>
  implements
    TransportHandler,
    ExchangeOwner,
    UpgradeExchangeOwner,
    Linked<ServerHandshake<Context>>
{
  previous: ServerHandshake<Context> | undefined = undefined;
  next: ServerHandshake<Context> | undefined = undefined;
  /** Whether the server had too many connections when this one came. */
  readonly isExcess: boolean;
  readonly transport: Transport;
  readonly #owner: ServerHandshakeOwner<Context>;
  readonly #admission: Admission;
  #phase: Phase;
  readonly #parser: HeadParser;
  #deadline: Deadline | undefined;
  /** The exchange to which the connection is lent. */
  #exchange: UpgradeExchange<Context> | HttpExchange | undefined;
  #answererOf: ((request: HttpRequest) => Answerer) | undefined;
  /** What happens when the time for a request is over. */
  readonly #onTime = (): void => {
    this.#timeOut();
  };
  #hasPeerEnded = false;
  #answered = 0;
  #isReading = false;

  /** @param excess The limit that this connection exceeds, if any. It is refused as soon as its request begins. */
  constructor(transport: Transport, owner: ServerHandshakeOwner<Context>, excess?: LimitError) {
    this.transport = transport;
    this.#owner = owner;
    this.#admission = new Admission(transport, owner, excess);
    this.isExcess = this.#admission.excess !== undefined;
    this.#phase = this.#admission.proxyHeader === undefined ? "reading" : "proxied";
    this.#parser = new HeadParser("request", owner.headLimits);
    this.#awaitRequest(owner.handshakeTimeout);
    transport.handler = this;
    owner.handshakeBegan(this);
  }

  /** Whether so many connections come from the address that further ones get no answer. */
  get isFlood(): boolean {
    return this.#admission.place?.isFlood === true;
  }

  get deadlines(): Deadlines {
    return this.#owner.deadlines;
  }

  get http(): HttpSettings {
    return this.#owner.http;
  }

  get handshakeTimeout(): number {
    return this.#owner.handshakeTimeout;
  }

  get requestsLeft(): number {
    return this.#owner.http.maxRequests - this.#answered - 1;
  }

  onData(chunk: Uint8Array): void {
    if (this.#phase === "reading" || this.#phase === "idle") this.#readHeads(chunk, 0);
    else if (this.#phase === "proxied") {
      this.#readProxyHeader(chunk, this.#admission.proxyHeader!);
    }
  }

  onDrain(): void {}

  onEnd(): void {
    this.#hasPeerEnded = true;
    const isFirst = this.#phase === "reading" && this.#answered === 0;
    if (isFirst || this.#phase === "proxied") this.transport.destroy();
    else this.#await();
  }

  onClose(error?: Error): void {
    const hasBegun = this.#hasBegun;
    this.onGone();
    // A connection without any bytes, such as a port scan, is not reported, nor a refusal a second time.
    if (hasBegun) this.#report(toHandshakeError(connectionLost(error)));
  }

  /** Sets whether the connection keeps the process alive. */
  hold(holds: boolean): void {
    if (holds) this.transport.ref?.();
    else this.transport.unref?.();
  }

  /** Drops the connection, which is not lent to an exchange. */
  drop(): void {
    this.#phase = "dropped";
    this.transport.destroy();
  }

  /** Drops the connection. @param reason The error for a hook that is still deciding. */
  giveUp(reason: Error): void {
    // `shut` has already refused a request to upgrade.
    if (this.#exchange instanceof HttpExchange) this.#exchange.drop(reason);
    else this.drop();
  }

  /**
   * Ends the connection: after the plain request that is being answered, or with 503 if a request has begun. After a last answer
   * the connection ends by itself, so that the peer can read the answer.
   *
   * @param reason As for {@link giveUp}.
   */
  shut(reason: Error): void {
    if (this.#exchange !== undefined) this.#exchange.shut(reason);
    else if (this.#hasBegun && this.#phase === "reading") this.#refuse(newShutdownRefusal(reason));
    else if (this.#phase !== "refused") this.drop();
  }

  onAgreed(): void {
    this.#over();
  }

  onAnswered(rest: Uint8Array, hasPeerEnded: boolean): void {
    this.#takeBack("idle");
    this.#hasPeerEnded ||= hasPeerEnded;
    this.#answered++;
    this.#admission.answered();
    this.#parser.reset();
    // During `begin` of the exchange, the bytes after its request are still in the chunk that is being read.
    if (!this.#isReading) this.#readHeads(rest, 0);
  }

  onLastAnswered(): void {
    this.#takeBack("refused");
    this.#linger();
  }

  onRefused(error: unknown): void {
    const { request, hook } = this.#exchange!;
    this.#takeBack("refused");
    this.#refuse(error);
    tellHookFailure(this.#owner, error, hook, request);
  }

  onFailed(error: unknown): void {
    const { request, hook } = this.#exchange!;
    this.#report(toHandshakeError(error));
    tellHookFailure(this.#owner, error, hook, request);
  }

  onGone(): void {
    this.#over();
    this.#admission.leave();
  }

  /**
   * Reads the PROXY header of a balancer. The bytes after it belong to the client. If a balancer sends no header, the connection
   * is dropped without an answer, since its protocol is unknown.
   */
  #readProxyHeader(chunk: Uint8Array, parser: ProxyHeaderParser): void {
    try {
      const end = parser.feed(chunk);
      if (!parser.isComplete) return;
      this.#phase = "reading";
      this.#readHeads(chunk, end);
    } catch (error) {
      this.drop();
      this.#report(toHandshakeError(error));
    }
  }

  #takeBack(phase: Phase): void {
    this.#phase = phase;
    this.#exchange = undefined;
    this.transport.handler = this;
  }

  /** Reads the heads in a chunk: a part of one, one, or several. */
  #readHeads(chunk: Uint8Array, start: number): void {
    let at = start;
    this.#isReading = true;
    while (at < chunk.length && (this.#phase === "reading" || this.#phase === "idle")) {
      if (this.#phase === "idle") this.#stopWaiting();
      this.#phase = "reading";
      at = this.#read(chunk, at);
    }
    this.#isReading = false;
    this.#await();
  }

  /** Sets the deadline of the current phase. */
  #await(): void {
    const { handshakeTimeout, http } = this.#owner;
    const isIdle = this.#phase === "idle";
    if (this.#hasPeerEnded && (isIdle || this.#phase === "reading")) {
      this.#phase = "refused";
      this.#linger();
    } else if (this.#deadline === undefined) {
      if (isIdle) this.#awaitRequest(http.keepAliveTimeout);
      else if (this.#phase === "reading" || this.#phase === "deciding")
        this.#awaitRequest(handshakeTimeout);
    }
  }

  #awaitRequest(milliseconds: number): void {
    this.#deadline = this.#owner.deadlines.after(milliseconds, this.#onTime);
  }

  #stopWaiting(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  /** Reads a head and acts on it. @returns Index in `chunk` after the bytes that were read or kept. */
  #read(chunk: Uint8Array, start: number): number {
    try {
      const { excess } = this.#admission;
      if (excess !== undefined) throw excess;
      const end = this.#parser.feed(chunk, start);
      if (!this.#parser.isComplete) return end;
      if (!asksForWebSocket(this.#parser.head)) return this.#serve(chunk, end);
      this.#upgrade(chunk, end);
    } catch (error) {
      if (this.#isAsked) this.#refuse(error);
    }
    return chunk.length;
  }

  /** Whether the request still needs an answer. The application's function for `trustProxy` may have shut the server down. */
  get #isAsked(): boolean {
    return this.#phase === "reading";
  }

  /** Lends the connection to a plain request. @returns As {@link HttpExchange.begin}. */
  #serve(chunk: Uint8Array, end: number): number {
    const { head } = this.#parser;
    checkPlainRequest(head);
    const framing = requestFraming(head);
    keepHead(head);
    const peer = this.#admission.admit(head);
    if (!this.#isAsked) return chunk.length;
    // Made once for all requests of the connection.
    this.#answererOf ??= (request) => this.#findAnswerer(request);
    const exchange = new HttpExchange(this, { head, framing, peer }, this.#answererOf);
    this.#stopWaiting();
    this.#phase = "serving";
    this.#exchange = exchange;
    const at = exchange.begin(chunk, end);
    if (this.#hasPeerEnded) this.#exchange?.onEnd();
    return at;
  }

  /** Finds the answerer of a plain request. @throws As {@link answererOf}. */
  #findAnswerer(request: HttpRequest): Answerer {
    const route = this.#route(request);
    const { application, handlers } = this.#owner;
    const http = route?.http ?? handlers.http;
    return answererOf({ http, application, isKnown: route !== undefined }, request);
  }

  /** Lends the connection to a request to upgrade, with the bytes after the request. */
  #upgrade(chunk: Uint8Array, end: number): void {
    const { head } = this.#parser;
    checkRequest(head);
    const peer = this.#admission.admit(head);
    if (!this.#isAsked) return;
    const request = new UpgradeRequest(head, this.transport, peer);
    const handlers = this.#route(request);
    if (handlers === undefined) throw new HandshakeError("REJECTED", notFound);
    checkUpgrade(head);
    const { place } = this.#admission;
    const requested = { head, request, handlers, place, hasPeerEnded: this.#hasPeerEnded };
    const exchange = new UpgradeExchange(this, this.#owner, requested);
    this.#phase = "deciding";
    this.#exchange = exchange;
    exchange.begin(chunk, end);
  }

  /** Gives the handlers for a request; undefined if no route matches. */
  #route(request: UpgradeRequest): RouteHandlers<Context> | undefined {
    const { routes, handlers } = this.#owner;
    if (routes === undefined) return handlers;
    const match = routes.find(request.path);
    if (match !== undefined) request.params = match.params;
    return match?.target;
  }

  /** Answers a request with an error, and ends the connection. */
  #refuse(error: unknown): void {
    const { head, isComplete } = this.#parser;
    this.#phase = "refused";
    this.transport.write(writeRefusal(error, isComplete ? head.method : undefined));
    this.#linger();
    this.#report(toHandshakeError(error));
  }

  /** Ends the stream after the last answer. Bytes of the peer are read and dropped, since a reset could destroy the answer. */
  #linger(): void {
    const { closeTimeout } = this.#owner.settings;
    this.#stopWaiting();
    this.#deadline = this.#owner.deadlines.after(closeTimeout, () => {
      this.drop();
    });
    this.transport.end();
  }

  #timeOut(): void {
    if (this.#exchange !== undefined) {
      this.#exchange.expire();
      return;
    }
    const cause = new TimeoutError("HANDSHAKE_TIMEOUT", this.#owner.handshakeTimeout);
    if (this.#hasBegun && this.#phase === "reading") {
      this.#refuse(cause);
      return;
    }
    // An incomplete PROXY header gets no answer, like a malformed one; neither does a connection without any bytes.
    const hasBegun = this.#hasBegun;
    this.drop();
    if (hasBegun) this.#report(toHandshakeError(cause));
  }

  /** Whether a part of a head, or of a PROXY header, has come. */
  get #hasBegun(): boolean {
    if (this.#phase === "proxied") return !this.#admission.proxyHeader!.isEmpty;
    return this.#phase === "reading" && !this.#parser.isEmpty;
  }

  /** The handshake is over: a link has taken over, or the transport is closed. */
  #over(): void {
    this.#phase = "over";
    this.#stopWaiting();
    this.#owner.handshakeEnded(this);
  }

  #report(error: HandshakeError): void {
    const address = socketAddress(this.transport.remoteAddress);
    this.#owner.handshakeRefused(error, address, this.#admission.peer);
  }
}
