/**
 * A connection that is not open yet: the server's side of the opening handshake, in time (RFC 6455, 4.2).
 *
 * @module
 */

import { concat, copyOf, noBytes } from "../bytes.ts";
import { connectionLost, HandshakeError, type LimitError, TimeoutError } from "../errors.ts";
import type { Extension } from "../extension/extension.ts";
import { acceptOffers, openExtensions } from "../extension/negotiation.ts";
import { StateServerSide } from "../frame/check.ts";
import { checkRequest, checkUpgrade, isUpgrade, offeredExtensions } from "../handshake/request.ts";
import {
  type HttpReply,
  toHandshakeError,
  writeRefusal,
  writeReply,
  writeUpgrade,
} from "../handshake/response.ts";
import { UpgradeRequest } from "../handshake/upgrade-request.ts";
import { writeOptions } from "../http/option.ts";
import { type HeadLimits, HeadParser } from "../http/parser.ts";
import { checkOrigin, type OriginPolicy } from "../handshake/origin.ts";
import type { Transport, TransportHandler } from "../transport.ts";
import type { Deadline } from "../clock.ts";
import type { Linked } from "../linked-list.ts";
import { isPromise } from "../deferred.ts";
import type { Refusal, RouteHandlers, ServerHandlers, Upgrade } from "./handlers.ts";
import { Link, type LinkOwner } from "./link.ts";
import type { Routes } from "./routes.ts";

/** What all openings of one server share. */
export interface OpeningOwner<Context> extends LinkOwner {
  readonly handlers: ServerHandlers<Context>;
  /** Handlers by path; undefined where there is one set for all. */
  readonly routes: Routes<RouteHandlers<Context>> | undefined;
  /** Whose pages may connect. */
  readonly origins: OriginPolicy;
  readonly headLimits: HeadLimits;
  /** The extensions that are agreed to. */
  readonly extensions: readonly Extension[];
  /** Milliseconds from the first byte's possibility to the response. */
  readonly handshakeTimeout: number;
  /** An opening has begun. */
  openingBegan(opening: Opening<Context>): void;
  /** An opening has ended, whatever came of it. */
  openingEnded(opening: Opening<Context>): void;
  /** A handshake came to nothing. */
  openingRefused(error: HandshakeError, remoteAddress: string | undefined): void;
}

/*
 * What an opening does: it reads the head, waits for a hook, or has answered with something else than 101 and drains
 * what still comes. When it answers 101 a Link takes its place.
 */
type Phase = "reading" | "deciding" | "refused" | "over";

const notFound = { status: 404, message: "Nothing is served at this path" } as const;

/** Reads a request, asks the hooks, answers. */
export class Opening<Context> implements TransportHandler, Linked<Opening<Context>> {
  previous: Opening<Context> | undefined = undefined;
  next: Opening<Context> | undefined = undefined;
  readonly #transport: Transport;
  readonly #owner: OpeningOwner<Context>;
  readonly #parser: HeadParser;
  readonly #excess: LimitError | undefined;
  #deadline: Deadline;
  #phase: Phase = "reading";
  #early: Uint8Array = noBytes;
  #hasPeerEnded = false;

  /** @param excess Why the connection is one too many: it is refused as soon as its request begins. */
  constructor(transport: Transport, owner: OpeningOwner<Context>, excess?: LimitError) {
    this.#excess = excess;
    this.#transport = transport;
    this.#owner = owner;
    this.#parser = new HeadParser("request", owner.headLimits);
    this.#deadline = owner.deadlines.after(owner.handshakeTimeout, () => this.#timeOut());
    transport.handler = this;
    owner.openingBegan(this);
  }

  /** Whether the connection is one too many. */
  get isExcess(): boolean {
    return this.#excess !== undefined;
  }

  onData(chunk: Uint8Array): void {
    if (this.#phase === "deciding") {
      this.#early = concat([this.#early, chunk]);
    } else if (this.#phase === "reading") {
      this.#read(chunk);
    }
  }

  onDrain(): void {}

  onEnd(): void {
    this.#hasPeerEnded = true;
    if (this.#phase === "reading") this.#transport.destroy();
  }

  onClose(error?: Error): void {
    const phase = this.#phase;
    this.#over();
    // A port that was only knocked at, or a refusal that has been reported, is nothing to report.
    if (phase === "deciding" || (phase === "reading" && !this.#parser.isEmpty)) {
      this.#report(toHandshakeError(connectionLost(error)));
    }
  }

  /** Drops the connection. */
  drop(): void {
    this.#phase = "refused";
    this.#transport.destroy();
  }

  #read(chunk: Uint8Array): void {
    try {
      if (this.#excess !== undefined) throw this.#excess;
      const end = this.#parser.feed(chunk);
      if (!this.#parser.isComplete) return;
      const { head } = this.#parser;
      checkRequest(head);
      const request = new UpgradeRequest(head, this.#transport);
      const handlers = this.#route(request);
      const http = handlers?.http === undefined ? this.#owner.handlers : handlers;
      if (http.http !== undefined && !isUpgrade(head)) {
        head.retain();
        this.#decide(chunk, end, http.http(request), (reply) => {
          this.#answer(writeReply(reply as HttpReply));
        });
        return;
      }
      if (handlers === undefined) throw new HandshakeError("REJECTED", notFound);
      checkUpgrade(head);
      checkOrigin(request, this.#owner.origins);
      // Whoever is given the request may keep it, and the chunk is somebody else's soon.
      if (handlers.upgrade !== undefined) head.retain();
      this.#decide(chunk, end, handlers.upgrade?.(request), (answer) => {
        this.#open(request, handlers, (answer ?? {}) as Upgrade<Context> | Refusal);
      });
    } catch (error) {
      this.#refuse(error);
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

  /** Goes on with what a hook decides; what comes meanwhile is kept, and the peer is held back. */
  #decide(
    chunk: Uint8Array,
    end: number,
    decision: unknown,
    act: (decision: unknown) => void,
  ): void {
    this.#phase = "deciding";
    this.#early = end === chunk.length ? noBytes : copyOf(chunk, end, chunk.length);
    if (!isPromise(decision)) {
      act(decision);
      return;
    }
    this.#transport.pause();
    decision.then(
      (value) => {
        if (this.#phase !== "deciding") return;
        this.#transport.resume();
        try {
          act(value);
        } catch (error) {
          this.#refuse(error);
        }
      },
      (error: unknown) => {
        if (this.#phase !== "deciding") return;
        this.#transport.resume();
        this.#refuse(error);
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
    const response = writeUpgrade(head, offered, { protocol, extensions, headers });
    this.#over();
    const info = {
      protocol: protocol ?? "",
      extensions: writeOptions(extensions),
      target: request.target,
      context: context as Context,
      remoteAddress: this.#transport.remoteAddress,
      remotePort: this.#transport.remotePort,
    };
    // What this side has accepted itself it can open.
    const sessions = openExtensions(agreed, StateServerSide)!;
    const transport = this.#transport;
    const link = new Link(this.#owner, { side: "server", transport, handlers, info, sessions });
    link.start(response, this.#early);
    // Told once, and before there was a link to hear it.
    if (this.#hasPeerEnded) link.onEnd();
  }

  #refuse(error: unknown): void {
    const { head, isComplete } = this.#parser;
    this.#answer(writeRefusal(error, isComplete ? head.method : undefined));
    this.#report(toHandshakeError(error));
  }

  /** Sends a response that ends the connection; what the peer still sends is read and dropped, so that it sees it. */
  #answer(response: Uint8Array): void {
    this.#phase = "refused";
    this.#early = noBytes;
    this.#deadline.cancel();
    this.#deadline = this.#owner.deadlines.after(this.#owner.settings.closeTimeout, () => {
      this.drop();
    });
    this.#transport.write(response);
    this.#transport.end();
  }

  #timeOut(): void {
    if (this.#phase === "reading" && this.#parser.isEmpty) {
      this.drop();
      return;
    }
    const cause = new TimeoutError("HANDSHAKE_TIMEOUT", this.#owner.handshakeTimeout);
    if (this.#phase === "deciding") {
      // The hook is late, not the peer.
      this.#transport.resume();
      this.#refuse(new HandshakeError("INTERNAL", { status: 503, cause }));
    } else {
      this.#refuse(cause);
    }
  }

  /** Nothing comes here any more: a link has taken over, or the transport is closed. */
  #over(): void {
    this.#phase = "over";
    this.#deadline.cancel();
    this.#owner.openingEnded(this);
  }

  #report(error: HandshakeError): void {
    this.#owner.openingRefused(error, this.#transport.remoteAddress);
  }
}
