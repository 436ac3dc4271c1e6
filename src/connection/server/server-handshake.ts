/**
 * A connection that is not open yet: the server's side of the opening handshake, in time (RFC 6455, 4.2).
 *
 * @module
 */

import { connectionLost, HandshakeError, LimitError, TimeoutError } from "../../errors.ts";
import { BoundedBuffer } from "../../extension/bounded-buffer.ts";
import { acceptOffers } from "../../extension/negotiation.ts";
import { acceptUpgrade } from "../../handshake/server/agreement.ts";
import {
  asksForWebSocket,
  checkPlainRequest,
  checkRequest,
  checkUpgrade,
  offeredExtensions,
} from "../../handshake/server/request.ts";
import { toHandshakeError, writeRefusal } from "../../handshake/server/response.ts";
import type { Proxied } from "../../handshake/proxy-protocol/proxied.ts";
import { ProxyHeaderParser } from "../../handshake/proxy-protocol/parser.ts";
import { directPeer, type Peer, type PeerFinder } from "../../handshake/server/peer.ts";
import { abandon, isAbandonedFor, UpgradeRequest } from "../../handshake/server/upgrade-request.ts";
import { requestFraming } from "../../http/body.ts";
import type { Head } from "../../http/head.ts";
import { toHeaderPairs } from "../../http/headers.ts";
import { writeOptions } from "../../http/option.ts";
import { type HeadLimits, HeadParser } from "../../http/parser.ts";
import { socketAddress } from "../../ip-address.ts";
import { asksFunction, checkOrigin, type OriginPolicy } from "../../handshake/server/origin.ts";
import type { Transport, TransportHandler } from "../../transport.ts";
import type { Deadline, Deadlines } from "../../clock.ts";
import type { Linked } from "../../linked-list.ts";
import { isPromise, whenSettled } from "../../deferred.ts";
import { answererOf } from "../http/answerer.ts";
import { type ExchangeOwner, HttpExchange } from "../http/exchange.ts";
import type { HttpSettings } from "../http/settings.ts";
import type { Refusal, RouteHandlers, ServerHandlers } from "../handlers.ts";
import { checkDecision, type Decision } from "./decision.ts";
import type { RouteSettings } from "./route-settings.ts";
import { Link, type LinkOwner } from "../link.ts";
import type { ErrorPlace } from "../unhandled-errors.ts";
import type { AddressBook, AddressPlace } from "./address-book.ts";
import type { Routes } from "./routes.ts";

/** What all handshakes of one server share. */
export interface ServerHandshakeOwner<Context> extends LinkOwner {
  readonly handlers: ServerHandlers<Context>;
  /** Handlers by path; undefined where there is one set for all. */
  readonly routes: Routes<RouteHandlers<Context>> | undefined;
  /** Whose pages may connect. */
  readonly origins: OriginPolicy;
  /** Finds clients behind proxies; undefined where none is trusted. */
  readonly peers: PeerFinder | undefined;
  /** Counts what comes from each address; undefined where there is no limit. */
  readonly addresses: AddressBook | undefined;
  /** Tells whether who is at the socket has to speak the PROXY protocol. */
  isBalancer(remoteAddress: string | undefined): boolean;
  readonly headLimits: HeadLimits;
  /** What holds for handlers, by the objects that they are; and for the server's own. */
  settingsOf(handlers: RouteHandlers<Context>): RouteSettings;
  /** Milliseconds from the first byte's possibility to the response. */
  readonly handshakeTimeout: number;
  /** What plain requests may cost. */
  readonly http: HttpSettings;
  /** A handshake has begun. */
  handshakeBegan(opening: ServerHandshake<Context>): void;
  /** A handshake has ended, whatever came of it. */
  handshakeEnded(opening: ServerHandshake<Context>): void;
  /** A handshake came to nothing. */
  handshakeRefused(
    error: HandshakeError,
    remoteAddress: string | undefined,
    peer: Peer | undefined,
  ): void;
  /** A hook threw, or gave what cannot be answered. */
  hookFailed(error: unknown, hook: Hook, place: ErrorPlace): void;
}

/*
 * proxied: what a balancer says of the connection comes first. reading: a head comes. deciding: a hook is asked. serving: the
 * connection is lent to the exchange of a plain request. idle: that is done, and nothing of another request has come. refused:
 * the last answer was sent, and what still comes is read and thrown away. dropped: the socket was destroyed, and its end is to
 * come. over: the socket is gone, or a Link has taken over.
 */
type Phase =
  "proxied" | "reading" | "deciding" | "serving" | "idle" | "refused" | "dropped" | "over";

/** What is asked about a request. */
type Hook = "upgrade" | "http" | "origins" | "trustProxy";

/** Bytes that a peer may send while a hook decides, before it is held back. */
const mostEarly = 16 * 1024;

const notFound = { status: 404, message: "Nothing is served at this path" } as const;

/** Reads a request, asks the hooks, answers; plain ones first, where they come first. */
export class ServerHandshake<Context>
  implements TransportHandler, ExchangeOwner, Linked<ServerHandshake<Context>>
{
  previous: ServerHandshake<Context> | undefined = undefined;
  next: ServerHandshake<Context> | undefined = undefined;
  /** Whether the connection was one too many when it came. */
  readonly isExcess: boolean;
  readonly transport: Transport;
  readonly #owner: ServerHandshakeOwner<Context>;
  #parser: HeadParser;
  /** Why the connection is one too many, of all or of its address. */
  #excess: LimitError | HandshakeError | undefined;
  #place: AddressPlace | undefined;
  /** Whether a proxy may be at the socket: then each request tells its own address. */
  readonly #hasProxy: boolean;
  /** The client behind trusted proxies, once it is known. */
  #peer: Peer | undefined;
  #deadline: Deadline | undefined;
  #phase: Phase;
  /** Of the header that a balancer sends first; undefined where none is expected. */
  readonly #proxyHeader: ProxyHeaderParser | undefined;
  #request: UpgradeRequest | undefined;
  #hook: Hook = "upgrade";
  // What has come behind the request.
  readonly #early = new BoundedBuffer();
  #isHeldBack = false;
  #hasPeerEnded = false;
  #exchange: HttpExchange | undefined;
  /** Plain requests that have been answered. */
  #answered = 0;
  #isReading = false;

  /** @param excess Why the connection is one too many: it is refused as soon as its request begins. */
  constructor(transport: Transport, owner: ServerHandshakeOwner<Context>, excess?: LimitError) {
    this.#excess = excess;
    const address = socketAddress(transport.remoteAddress);
    const isProxied = owner.isBalancer(address);
    this.transport = transport;
    this.#owner = owner;
    this.#proxyHeader = isProxied ? new ProxyHeaderParser() : undefined;
    this.#phase = isProxied ? "proxied" : "reading";
    // Who is no proxy is known by now, whether a request comes or not.
    this.#hasProxy = isProxied || owner.peers?.mayBeProxy(address) === true;
    if (!this.#hasProxy) this.#enter(address);
    this.isExcess = this.#excess !== undefined;
    this.#parser = new HeadParser("request", owner.headLimits);
    this.#awaitRequest(owner.handshakeTimeout);
    transport.handler = this;
    owner.handshakeBegan(this);
  }

  /** Whether so many come from its address that no more of them are answered. */
  get isFlood(): boolean {
    return this.#place?.isFlood === true;
  }

  /** Whether a hook is asked, and may still have its way: it can end the opening itself, by shutting the server down. */
  get #isDeciding(): boolean {
    return this.#phase === "deciding";
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
    if (this.#phase === "deciding") {
      this.#early.add(chunk, 0, chunk.length);
      this.#holdBack();
    } else if (this.#phase === "reading" || this.#phase === "idle") {
      this.#readHeads(chunk, 0);
    } else if (this.#phase === "proxied") {
      this.#readProxyHeader(chunk, this.#proxyHeader!);
    }
  }

  onDrain(): void {}

  onEnd(): void {
    this.#hasPeerEnded = true;
    const isFirst = this.#phase === "reading" && this.#answered === 0;
    if (isFirst || this.#phase === "proxied") this.transport.destroy();
    else this.#await();
    // It may still read the answer, and gets one.
    if (this.#phase === "deciding") abandon(this.#request!, connectionLost(undefined));
  }

  onClose(error?: Error): void {
    const phase = this.#phase;
    this.onGone();
    // A port that was only knocked at, or a refusal that has been reported, is nothing to report.
    if (phase !== "deciding" && !this.#hasBegun(phase)) return;
    const lost = connectionLost(error);
    if (phase === "deciding") abandon(this.#request!, lost);
    this.#report(toHandshakeError(lost));
  }

  /** Says whether the process lives on for the connection. */
  hold(holds: boolean): void {
    if (holds) this.transport.ref?.();
    else this.transport.unref?.();
  }

  /** Drops the connection, about which no hook decides. */
  drop(): void {
    this.#phase = "dropped";
    this.transport.destroy();
  }

  /** Drops the connection. @param reason What a hook is told that still decides about it. */
  giveUp(reason: Error): void {
    if (this.#exchange !== undefined) {
      this.#exchange.drop(reason);
      return;
    }
    const isDeciding = this.#isDeciding;
    this.drop();
    if (isDeciding) abandon(this.#request!, reason);
  }

  /**
   * Reads what a balancer says of the connection; what is behind it is the client's. Whoever has to send it and does not is dropped
   * without an answer: nobody knows what protocol it speaks.
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

  /** Ends the connection with the plain request that is being answered; without one it is given up. */
  shut(reason: Error): void {
    if (this.#exchange === undefined) this.giveUp(reason);
    else this.#exchange.shut();
  }

  onAnswered(rest: Uint8Array, hasPeerEnded: boolean): void {
    this.#takeBack("idle");
    this.#hasPeerEnded ||= hasPeerEnded;
    this.#answered++;
    this.#request = undefined;
    this.#forgetPeer();
    this.#hook = "upgrade";
    this.#parser = new HeadParser("request", this.#owner.headLimits);
    // Within `begin` of the exchange the bytes behind its request are still where they were.
    if (!this.#isReading) this.#readHeads(rest, 0);
  }

  onLastAnswered(): void {
    this.#takeBack("refused");
    this.#linger();
  }

  onRefused(error: unknown): void {
    this.#takeBack("refused");
    this.#refuse(error);
  }

  onFailed(error: unknown): void {
    this.#report(toHandshakeError(error));
    this.#hookFailed(error);
  }

  onGone(): void {
    this.#over();
    this.#place?.leave();
  }

  #takeBack(phase: Phase): void {
    this.#phase = phase;
    this.#exchange = undefined;
    this.transport.handler = this;
  }

  /** Reads what has come: a head, or a part of one, or several one after the other. */
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

  /** Sees to it that whatever is waited for now has its time. */
  #await(): void {
    const { handshakeTimeout, http } = this.#owner;
    const isIdle = this.#phase === "idle";
    if (this.#hasPeerEnded && (isIdle || this.#phase === "reading")) {
      this.#phase = "refused";
      this.#linger();
    } else if (this.#deadline === undefined) {
      if (isIdle) this.#awaitRequest(http.keepAliveTimeout);
      else if (this.#phase === "reading" || this.#isDeciding) this.#awaitRequest(handshakeTimeout);
    }
  }

  #awaitRequest(milliseconds: number): void {
    this.#deadline = this.#owner.deadlines.after(milliseconds, () => {
      this.#timeOut();
    });
  }

  #stopWaiting(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  /** Reads a head, and acts on it. @returns Index in `chunk` behind what was read of it, or is kept. */
  #read(chunk: Uint8Array, start: number): number {
    try {
      if (this.#excess !== undefined) throw this.#excess;
      const end = this.#parser.feed(chunk, start);
      if (!this.#parser.isComplete) return end;
      if (!asksForWebSocket(this.#parser.head)) return this.#serve(chunk, end);
      this.#shake(chunk, end);
    } catch (error) {
      this.#refuse(error);
    }
    return chunk.length;
  }

  /** Lends the connection to a plain request. @returns As {@link HttpExchange.begin}. */
  #serve(chunk: Uint8Array, end: number): number {
    const { head } = this.#parser;
    checkPlainRequest(head);
    const framing = requestFraming(head);
    head.retain();
    const peer = this.#admit(head);
    const exchange = new HttpExchange(this, { head, framing, peer }, (request) => {
      const route = this.#route(request);
      const { fetch, http } = this.#owner.handlers;
      const isKnown = route !== undefined;
      return answererOf({ http: route?.http ?? http, fetch, isKnown }, request);
    });
    this.#stopWaiting();
    this.#phase = "serving";
    this.#exchange = exchange;
    this.#request = exchange.request;
    this.#hook = "http";
    const at = exchange.begin(chunk, end);
    if (this.#hasPeerEnded) this.#exchange?.onEnd();
    return at;
  }

  /** Does the opening handshake, with what has come behind the request. */
  #shake(chunk: Uint8Array, end: number): void {
    const { head } = this.#parser;
    checkRequest(head);
    const request = new UpgradeRequest(head, this.transport, this.#admit(head));
    const handlers = this.#route(request);
    if (handlers === undefined) throw new HandshakeError("REJECTED", notFound);
    checkUpgrade(head);
    const { origins } = this.#owner;
    this.#beginToDecide(request, handlers.upgrade !== undefined || asksFunction(origins));
    this.#early.add(chunk, end, chunk.length);
    this.#hook = "origins";
    this.#decide(checkOrigin(request, origins), () => {
      this.#hook = "upgrade";
      this.#decide(handlers.upgrade?.(request), (answer) => {
        // As a rule there is no hook, or it says nothing: nothing is to be checked then.
        if (answer !== undefined) checkDecision(answer);
        this.#open(request, handlers, (answer === undefined ? {} : answer) as Decision<Context>);
      });
    });
  }

  /** Finds the client of a request, and counts it. @throws {HandshakeError} It is one too many of its address. */
  #admit(head: Head): Peer | undefined {
    this.#peer = this.#findPeer(head);
    if (this.#place === undefined) this.#enter(this.#peer?.address);
    if (this.#excess !== undefined) throw this.#excess;
    return this.#peer;
  }

  /** Behind a proxy the next request may be somebody else's. */
  #forgetPeer(): void {
    if (!this.#hasProxy) return;
    this.#peer = undefined;
    this.#place?.leave();
    this.#place = undefined;
  }

  /** Takes a place among the connections of its address. */
  #enter(address: string | undefined): void {
    const { addresses } = this.#owner;
    if (addresses === undefined || address === undefined) return;
    this.#place = addresses.enter(address);
    this.#excess ??= this.#place.refusal;
  }

  /** Gives the client behind proxies; undefined where nobody has to be believed about it. */
  #findPeer(head: Head): Peer | undefined {
    const proxied = this.#proxyHeader?.proxied;
    const { peers } = this.#owner;
    if (peers !== undefined) return this.#askForPeer(peers, head, proxied);
    if (proxied === undefined) return undefined;
    return directPeer(this.transport, head.get("host") ?? "", proxied);
  }

  #askForPeer(peers: PeerFinder, head: Head, proxied: Proxied | undefined): Peer {
    try {
      return peers.find(head, this.transport, proxied);
    } catch (error) {
      // The application's own function has thrown, before there is a request that it could be told with.
      if (!(error instanceof HandshakeError)) {
        const remoteAddress = socketAddress(this.transport.remoteAddress);
        this.#owner.hookFailed(error, "trustProxy", { remoteAddress });
      }
      throw error;
    }
  }

  /** Gives the handlers for a request, undefined where no route matches. */
  #route(request: UpgradeRequest): RouteHandlers<Context> | undefined {
    const { routes, handlers } = this.#owner;
    if (routes === undefined) return handlers;
    const match = routes.find(request.path);
    if (match !== undefined) request.params = match.params;
    return match?.target;
  }

  /** @param isAsked Whether a hook gets the request, and may keep it: the chunk that it lies in is somebody else's soon. */
  #beginToDecide(request: UpgradeRequest, isAsked: boolean): void {
    if (isAsked) this.#parser.head.retain();
    this.#request = request;
    this.#phase = "deciding";
  }

  /** Goes on with what a hook decides, unless the opening has ended meanwhile. */
  #decide(decision: unknown, act: (decision: unknown) => void): void {
    if (!isPromise(decision)) {
      if (this.#isDeciding) act(decision);
      return;
    }
    this.#holdBack();
    whenSettled(
      decision,
      (value) => {
        if (!this.#isDeciding) return;
        try {
          act(value);
        } catch (error) {
          this.#refuse(error);
        }
      },
      (error) => {
        if (this.#isDeciding) this.#refuse(error);
        else this.#hookFailed(error);
      },
    );
  }

  #open(
    request: UpgradeRequest,
    handlers: RouteHandlers<Context>,
    decision: Decision<Context>,
  ): void {
    if ("status" in decision) throw refusalOf(decision);
    const { headers, context, options } = decision;
    const { head } = this.#parser;
    let settings = this.#owner.settingsOf(handlers);
    if (options !== undefined) settings = settings.with(options, "upgrade().options.");
    const { protocols } = settings;
    const mayChoose = decision.protocol !== undefined || protocols.length > 0;
    const offered = mayChoose ? request.protocols : [];
    const protocol = decision.protocol ?? offered.find((name) => protocols.includes(name));
    const agreed =
      settings.extensions.length === 0
        ? []
        : acceptOffers(settings.extensions, offeredExtensions(head));
    const extensions = agreed.map(({ option }) => option);
    const choice = { protocol, extensions, agreed };
    const { response, sessions } = acceptUpgrade(head, offered, choice, headers);
    this.#over();
    const info = {
      protocol: protocol ?? "",
      extensions: writeOptions(extensions),
      target: request.target,
      context: context as Context,
      remoteAddress: request.remoteAddress,
      remotePort: request.remotePort,
      peer: request.peer,
    };
    const { transport } = this;
    const place = this.#place;
    const { link: own } = settings;
    // Not spread: on V8 each copy of that kind has a shape of its own, which outlives the connection.
    const parts = {
      side: "server",
      transport,
      handlers,
      info,
      settings: own,
      sessions,
      place,
    } as const;
    const link = new Link(this.#owner, parts);
    this.#letOn();
    link.start(response, this.#early.take());
    // Told once, and before there was a link to hear it.
    if (this.#hasPeerEnded) link.onEnd();
  }

  #refuse(error: unknown): void {
    // By the hook itself, before it failed: nobody is there to be answered.
    if (this.#phase === "dropped") return;
    const { head, isComplete } = this.#parser;
    this.#answer(writeRefusal(error, isComplete ? head.method : undefined));
    this.#report(toHandshakeError(error));
    if (this.#request !== undefined) this.#hookFailed(error);
  }

  /** Tells what a hook has failed with, unless it refused by it, or gave up because nobody waits any more. */
  #hookFailed(error: unknown): void {
    if (error instanceof HandshakeError) {
      if (error.code === "INTERNAL" && "cause" in error) this.#hookFailed(error.cause);
      return;
    }
    // A body that is too large for whoever reads it is the client's fault.
    if (error instanceof LimitError && error.code === "BODY_TOO_LARGE") return;
    const request = this.#request!;
    if (isAbandonedFor(request, error) || (error as Error | undefined)?.name === "AbortError")
      return;
    this.#owner.hookFailed(error, this.#hook, request);
  }

  /** Sends a response that ends the connection. */
  #answer(response: Uint8Array): void {
    this.#phase = "refused";
    this.#early.take();
    this.#letOn();
    this.transport.write(response);
    this.#linger();
  }

  /** Ends the stream behind the last answer; what the peer still sends is read and dropped, so that it sees that answer. */
  #linger(): void {
    const { closeTimeout } = this.#owner.settings;
    this.#stopWaiting();
    this.#deadline = this.#owner.deadlines.after(closeTimeout, () => {
      this.drop();
    });
    this.transport.end();
  }

  #timeOut(): void {
    const cause = new TimeoutError("HANDSHAKE_TIMEOUT", this.#owner.handshakeTimeout);
    if (this.#phase === "deciding") {
      // The hook is late, not the peer.
      this.#refuse(new HandshakeError("INTERNAL", { status: 503, cause }));
      abandon(this.#request!, cause);
    } else if (!this.#hasBegun(this.#phase)) {
      this.drop();
    } else if (this.#phase === "proxied") {
      // Without an answer, as for a header that is malformed.
      this.drop();
      this.#report(toHandshakeError(cause));
    } else {
      this.#refuse(cause);
    }
  }

  /** Tells whether, in this phase, a part of a head or of a balancer's header has come. */
  #hasBegun(phase: Phase): boolean {
    if (phase === "proxied") return !this.#proxyHeader!.isEmpty;
    return phase === "reading" && !this.#parser.isEmpty;
  }

  /** Nothing comes here any more: a link has taken over, or the transport is closed. */
  #over(): void {
    this.#phase = "over";
    this.#stopWaiting();
    this.#owner.handshakeEnded(this);
  }

  /** Stops reading where much has come early; until then it goes on, so that a peer which leaves is noticed. */
  #holdBack(): void {
    if (this.#isHeldBack || this.#early.size <= mostEarly) return;
    this.#isHeldBack = true;
    this.transport.pause();
  }

  /** Goes on to read, where the peer was held back. */
  #letOn(): void {
    if (!this.#isHeldBack) return;
    this.#isHeldBack = false;
    this.transport.resume();
  }

  #report(error: HandshakeError): void {
    const address = socketAddress(this.transport.remoteAddress);
    this.#owner.handshakeRefused(error, address, this.#peer);
  }
}

/** Makes the refusal that a hook has returned. @throws {TypeError} Its headers have none of the forms. */
function refusalOf({ headers = [], ...rest }: Refusal): HandshakeError {
  return new HandshakeError("REJECTED", { ...rest, headers: toHeaderPairs(headers) });
}
