/**
 * A connection that is not open yet: the server's side of the opening handshake, in time (RFC 6455, 4.2).
 *
 * @module
 */

import { connectionLost, HandshakeError, type LimitError, TimeoutError } from "../../errors.ts";
import type { Extension } from "../../extension/extension.ts";
import { BoundedBuffer } from "../../extension/bounded-buffer.ts";
import { acceptOffers } from "../../extension/negotiation.ts";
import { acceptUpgrade } from "../../handshake/server/agreement.ts";
import {
  checkRequest,
  checkUpgrade,
  isUpgrade,
  offeredExtensions,
} from "../../handshake/server/request.ts";
import {
  type HttpReply,
  toHandshakeError,
  writeRefusal,
  writeReply,
} from "../../handshake/server/response.ts";
import { ProxyHeaderParser } from "../../handshake/proxy-protocol/parser.ts";
import { directPeer, type Peer, type PeerFinder } from "../../handshake/server/peer.ts";
import { abandon, isAbandonedFor, UpgradeRequest } from "../../handshake/server/upgrade-request.ts";
import type { Head } from "../../http/head.ts";
import { writeOptions } from "../../http/option.ts";
import { type HeadLimits, HeadParser } from "../../http/parser.ts";
import { socketAddress } from "../../ip-address.ts";
import { asksFunction, checkOrigin, type OriginPolicy } from "../../handshake/server/origin.ts";
import type { Transport, TransportHandler } from "../../transport.ts";
import type { Deadline } from "../../clock.ts";
import type { Linked } from "../../linked-list.ts";
import { isPromise, whenSettled } from "../../deferred.ts";
import type { Refusal, RouteHandlers, ServerHandlers, Upgrade } from "../handlers.ts";
import { Link, type LinkOwner } from "../link.ts";
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
  /** Tells whether who is at the socket has to speak the PROXY protocol. */
  isBalancer(remoteAddress: string | undefined): boolean;
  readonly headLimits: HeadLimits;
  /** The extensions that are agreed to. */
  readonly extensions: readonly Extension[];
  /** Milliseconds from the first byte's possibility to the response. */
  readonly handshakeTimeout: number;
  /** A handshake has begun. */
  handshakeBegan(opening: ServerHandshake<Context>): void;
  /** A handshake has ended, whatever came of it. */
  handshakeEnded(opening: ServerHandshake<Context>): void;
  /** A handshake came to nothing. */
  handshakeRefused(error: HandshakeError, remoteAddress: string | undefined): void;
  /** A hook threw, or gave what cannot be answered. */
  hookFailed(error: unknown, hook: Hook, request: UpgradeRequest): void;
}

/*
 * proxied: what a balancer says of the connection comes first. reading: the head comes. deciding: a hook is asked. refused: another answer than 101 was sent, and what still comes is read and
 * thrown away. dropped: the socket was destroyed, and its end is to come. over: the socket is gone, or a Link has taken over.
 */
type Phase = "proxied" | "reading" | "deciding" | "refused" | "dropped" | "over";

/** What is asked about a request. */
type Hook = "upgrade" | "http";

/** Bytes that a peer may send while a hook decides, before it is held back. */
const mostEarly = 16 * 1024;

const notFound = { status: 404, message: "Nothing is served at this path" } as const;

/** Reads a request, asks the hooks, answers. */
export class ServerHandshake<Context>
  implements TransportHandler, Linked<ServerHandshake<Context>>
{
  previous: ServerHandshake<Context> | undefined = undefined;
  next: ServerHandshake<Context> | undefined = undefined;
  readonly #transport: Transport;
  readonly #owner: ServerHandshakeOwner<Context>;
  readonly #parser: HeadParser;
  readonly #excess: LimitError | undefined;
  #deadline: Deadline;
  #phase: Phase;
  /** Of the header that a balancer sends first; undefined where none is expected. */
  readonly #proxyHeader: ProxyHeaderParser | undefined;
  #request: UpgradeRequest | undefined;
  #hook: Hook = "upgrade";
  // What has come behind the request.
  readonly #early = new BoundedBuffer();
  #isHeldBack = false;
  #hasPeerEnded = false;

  /** @param excess Why the connection is one too many: it is refused as soon as its request begins. */
  constructor(transport: Transport, owner: ServerHandshakeOwner<Context>, excess?: LimitError) {
    this.#excess = excess;
    const isProxied = owner.isBalancer(socketAddress(transport.remoteAddress));
    this.#proxyHeader = isProxied ? new ProxyHeaderParser() : undefined;
    this.#phase = isProxied ? "proxied" : "reading";
    this.#transport = transport;
    this.#owner = owner;
    this.#parser = new HeadParser("request", owner.headLimits);
    this.#deadline = owner.deadlines.after(owner.handshakeTimeout, () => this.#timeOut());
    transport.handler = this;
    owner.handshakeBegan(this);
  }

  /** Whether the connection is one too many. */
  get isExcess(): boolean {
    return this.#excess !== undefined;
  }

  /** Whether a hook is asked, and may still have its way: it can end the opening itself, by shutting the server down. */
  get #isDeciding(): boolean {
    return this.#phase === "deciding";
  }

  onData(chunk: Uint8Array): void {
    if (this.#phase === "deciding") {
      this.#early.add(chunk, 0, chunk.length);
      this.#holdBack();
    } else if (this.#phase === "reading") {
      this.#read(chunk);
    } else if (this.#phase === "proxied") {
      this.#readProxyHeader(chunk, this.#proxyHeader!);
    }
  }

  onDrain(): void {}

  onEnd(): void {
    this.#hasPeerEnded = true;
    if (this.#phase === "reading" || this.#phase === "proxied") this.#transport.destroy();
    // It may still read the answer, and gets one.
    else if (this.#phase === "deciding") abandon(this.#request!, connectionLost(undefined));
  }

  onClose(error?: Error): void {
    const phase = this.#phase;
    this.#over();
    // A port that was only knocked at, or a refusal that has been reported, is nothing to report.
    if (phase !== "deciding" && (phase !== "reading" || this.#parser.isEmpty)) return;
    const lost = connectionLost(error);
    if (phase === "deciding") abandon(this.#request!, lost);
    this.#report(toHandshakeError(lost));
  }

  /** Drops the connection, about which no hook decides. */
  drop(): void {
    this.#phase = "dropped";
    this.#transport.destroy();
  }

  /** Drops the connection. @param reason What a hook is told that still decides about it. */
  giveUp(reason: Error): void {
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
      if (end < chunk.length) this.#read(chunk.subarray(end));
    } catch (error) {
      this.drop();
      this.#report(toHandshakeError(error));
    }
  }

  #read(chunk: Uint8Array): void {
    try {
      if (this.#excess !== undefined) throw this.#excess;
      const end = this.#parser.feed(chunk);
      if (!this.#parser.isComplete) return;
      const { head } = this.#parser;
      checkRequest(head);
      const peer = this.#findPeer(head);
      const request = new UpgradeRequest(head, this.#transport, peer);
      const handlers = this.#route(request);
      const http = handlers?.http === undefined ? this.#owner.handlers : handlers;
      if (http.http !== undefined && !isUpgrade(head)) {
        this.#hook = "http";
        this.#beginToDecide(request, true);
        this.#decide(http.http(request), (reply) => {
          this.#answer(writeReply(reply as HttpReply));
        });
        return;
      }
      if (handlers === undefined) throw new HandshakeError("REJECTED", notFound);
      checkUpgrade(head);
      const { origins } = this.#owner;
      this.#beginToDecide(request, handlers.upgrade !== undefined || asksFunction(origins));
      this.#early.add(chunk, end, chunk.length);
      this.#decide(checkOrigin(request, origins), () => {
        this.#decide(handlers.upgrade?.(request), (answer) => {
          this.#open(request, handlers, (answer ?? {}) as Upgrade<Context> | Refusal);
        });
      });
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Gives the client behind proxies; undefined where nobody has to be believed about it. */
  #findPeer(head: Head): Peer | undefined {
    const proxied = this.#proxyHeader?.proxied;
    const { peers } = this.#owner;
    if (peers !== undefined) return peers.find(head, this.#transport, proxied);
    if (proxied === undefined) return undefined;
    return directPeer(this.#transport, head.value(head.find("host")), proxied);
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
    decision: Upgrade<Context> | Refusal,
  ): void {
    if ("status" in decision) throw new HandshakeError("REJECTED", decision);
    const { protocol, headers, context } = decision;
    const { head } = this.#parser;
    const offered = protocol === undefined ? [] : request.protocols;
    const agreed =
      this.#owner.extensions.length === 0
        ? []
        : acceptOffers(this.#owner.extensions, offeredExtensions(head));
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
    const transport = this.#transport;
    const link = new Link(this.#owner, { side: "server", transport, handlers, info, sessions });
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
    const request = this.#request!;
    if (isAbandonedFor(request, error) || (error as Error | undefined)?.name === "AbortError")
      return;
    this.#owner.hookFailed(error, this.#hook, request);
  }

  /** Sends a response that ends the connection; what the peer still sends is read and dropped, so that it sees it. */
  #answer(response: Uint8Array): void {
    this.#phase = "refused";
    this.#early.take();
    this.#letOn();
    this.#deadline.cancel();
    const { closeTimeout } = this.#owner.settings;
    this.#deadline = this.#owner.deadlines.after(closeTimeout, () => {
      this.drop();
    });
    this.#transport.write(response);
    this.#transport.end();
  }

  #timeOut(): void {
    const cause = new TimeoutError("HANDSHAKE_TIMEOUT", this.#owner.handshakeTimeout);
    if (this.#phase === "deciding") {
      // The hook is late, not the peer.
      this.#refuse(new HandshakeError("INTERNAL", { status: 503, cause }));
      abandon(this.#request!, cause);
    } else if (this.#parser.isEmpty) {
      this.drop();
    } else {
      this.#refuse(cause);
    }
  }

  /** Nothing comes here any more: a link has taken over, or the transport is closed. */
  #over(): void {
    this.#phase = "over";
    this.#deadline.cancel();
    this.#owner.handshakeEnded(this);
  }

  /** Stops reading where much has come early; until then it goes on, so that a peer which leaves is noticed. */
  #holdBack(): void {
    if (this.#isHeldBack || this.#early.size <= mostEarly) return;
    this.#isHeldBack = true;
    this.#transport.pause();
  }

  /** Goes on to read, where the peer was held back. */
  #letOn(): void {
    if (!this.#isHeldBack) return;
    this.#isHeldBack = false;
    this.#transport.resume();
  }

  #report(error: HandshakeError): void {
    this.#owner.handshakeRefused(error, socketAddress(this.#transport.remoteAddress));
  }
}
