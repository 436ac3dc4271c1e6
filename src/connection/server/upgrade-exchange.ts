/**
 * One request to upgrade and its answer: the page's origin is checked, the hook decides, 101 goes out, and a link takes over (RFC 6455,
 * 4.2.2).
 *
 * The connection is lent to it by the server's side of the handshake, which has read the head and checked it, and is given back where the
 * request is refused. The deadline of the handshake goes on meanwhile, and is the lender's.
 *
 * @module
 */

import { noBytes } from "../../bytes.ts";
import { isPromise, whenSettled } from "../../deferred.ts";
import { connectionLost, HandshakeError, TimeoutError } from "../../errors.ts";
import { BoundedBuffer } from "../../extension/bounded-buffer.ts";
import { acceptOffers } from "../../extension/negotiation.ts";
import { acceptUpgrade } from "../../handshake/server/agreement.ts";
import { asksFunction, checkOrigin } from "../../handshake/server/origin.ts";
import { offeredExtensions } from "../../handshake/server/request.ts";
import { abandon, type UpgradeRequest } from "../../handshake/server/upgrade-request.ts";
import type { Head } from "../../http/head.ts";
import { toHeaderPairs } from "../../http/headers.ts";
import { writeOptions } from "../../http/option.ts";
import type { Transport, TransportHandler } from "../../transport.ts";
import type { Refusal, RouteHandlers, Upgrade } from "../handlers.ts";
import { Link, type LinkOwner, type LinkPlace } from "../link.ts";
import { checkDecision, type Decision } from "./decision.ts";
import { type Hook, type HookFailureOwner, tellHookFailure } from "./hook-failure.ts";
import type { RouteSettings } from "./route-settings.ts";

/** What all upgrades of one server share. */
export interface UpgradeServer<Context> extends LinkOwner, HookFailureOwner {
  /** Milliseconds from the first byte's possibility to the response. */
  readonly handshakeTimeout: number;
  /** What holds for handlers, by the objects that they are; and for the server's own. */
  settingsOf(handlers: RouteHandlers<Context>): RouteSettings;
}

/** The lender of a connection. */
export interface UpgradeExchangeOwner {
  readonly transport: Transport;
  /** The request is agreed to, and the connection is a link's from now on. */
  onAgreed(): void;
  /** Nothing has been sent, and the request is to be refused. */
  onRefused(error: unknown): void;
  /** The connection was lost before anything was sent. */
  onFailed(error: unknown): void;
  /** The transport is closed. */
  onGone(): void;
}

/** A request that passed its checks. */
export interface RequestedUpgrade<Context> {
  readonly head: Head;
  readonly request: UpgradeRequest;
  /** The handlers of its path. */
  readonly handlers: RouteHandlers<Context>;
  /** The connection's place among those of its address; undefined where they are not counted. */
  readonly place: LinkPlace | undefined;
  /** Whether the peer had ended its stream when the request was read. */
  readonly hasPeerEnded: boolean;
}

/* asking: a function for `origins`, or the hook, is asked. over: the connection is the lender's again, or a link's. */
type Phase = "asking" | "over";

/** Bytes that a peer may send while a hook decides, before it is held back. */
const mostEarly = 16 * 1024;

/** Makes the refusal of a request that a server gets while it shuts down: another server may take it. */
export function newShutdownRefusal(reason: Error): HandshakeError {
  const message = "The server is shutting down";
  return new HandshakeError("REJECTED", { message, status: 503, cause: reason });
}

/** Asks the hooks about one request, and answers it. */
export class UpgradeExchange<Context> implements TransportHandler {
  readonly request: UpgradeRequest;
  readonly #owner: UpgradeExchangeOwner;
  readonly #server: UpgradeServer<Context>;
  readonly #transport: Transport;
  readonly #head: Head;
  readonly #handlers: RouteHandlers<Context>;
  readonly #place: LinkPlace | undefined;
  #phase: Phase = "asking";
  #hook: "origins" | "upgrade" = "origins";
  /** What has come behind the request; undefined where nothing has, as a rule. */
  #early: BoundedBuffer | undefined;
  #isHeldBack = false;
  #hasPeerEnded: boolean;

  constructor(
    owner: UpgradeExchangeOwner,
    server: UpgradeServer<Context>,
    requested: RequestedUpgrade<Context>,
  ) {
    this.request = requested.request;
    this.#owner = owner;
    this.#server = server;
    this.#transport = owner.transport;
    this.#head = requested.head;
    this.#handlers = requested.handlers;
    this.#place = requested.place;
    this.#hasPeerEnded = requested.hasPeerEnded;
  }

  /** What is asked, or was asked last. */
  get hook(): Hook {
    return this.#hook;
  }

  /** Takes over the connection, with what has come behind the head: `chunk` from `start` on. */
  begin(chunk: Uint8Array, start: number): void {
    const { origins } = this.#server.settingsOf(this.#handlers);
    // A hook may keep the request, and the chunk that it lies in is somebody else's soon.
    if (this.#handlers.upgrade !== undefined || asksFunction(origins)) this.#head.retain();
    this.#keepEarly(chunk, start);
    this.#transport.handler = this;
    try {
      const allowed = checkOrigin(this.request, origins);
      if (isPromise(allowed)) this.#wait(allowed, () => this.#ask());
      else this.#ask();
    } catch (error) {
      this.#fail(error);
    }
    if (this.#hasPeerEnded) this.onEnd();
  }

  onData(chunk: Uint8Array): void {
    this.#keepEarly(chunk, 0);
    this.#holdBack();
  }

  onDrain(): void {}

  onEnd(): void {
    this.#hasPeerEnded = true;
    // It may still read the answer, and gets one.
    if (this.#phase === "asking") abandon(this.request, connectionLost(undefined));
  }

  onClose(error?: Error): void {
    const wasAsking = this.#isAsking;
    this.#phase = "over";
    this.#owner.onGone();
    if (!wasAsking) return;
    const lost = connectionLost(error);
    abandon(this.request, lost);
    this.#owner.onFailed(lost);
  }

  /** The time for the answer is over. It is the hook that is late, not the peer. */
  expire(): void {
    const cause = new TimeoutError("HANDSHAKE_TIMEOUT", this.#server.handshakeTimeout);
    this.#fail(new HandshakeError("INTERNAL", { status: 503, cause }));
    abandon(this.request, cause);
  }

  /** Refuses the request: the server shuts down. @param reason What a hook is told that still decides about it. */
  shut(reason: Error): void {
    this.#fail(newShutdownRefusal(reason));
    abandon(this.request, reason);
  }

  /** Whether the answer is still to be given. A hook can end that itself, by shutting the server down. */
  get #isAsking(): boolean {
    return this.#phase === "asking";
  }

  /** Asks the hook, unless it is too late for that. */
  #ask(): void {
    if (!this.#isAsking) return;
    this.#hook = "upgrade";
    const decision: unknown = this.#handlers.upgrade?.(this.request);
    if (isPromise(decision)) this.#wait(decision, (value) => this.#decide(value));
    else this.#decide(decision);
  }

  /** Goes on with what a promise gives. */
  #wait(promise: PromiseLike<unknown>, goOn: (value: unknown) => void): void {
    this.#holdBack();
    const fail = (error: unknown): void => {
      this.#fail(error);
    };
    whenSettled(
      promise,
      (value) => {
        try {
          goOn(value);
        } catch (error) {
          fail(error);
        }
      },
      fail,
    );
  }

  /** Acts on what the hook has decided, unless it is too late for that. */
  #decide(decision: unknown): void {
    if (!this.#isAsking) return;
    // As a rule there is no hook, or it says nothing: nothing is to be checked then.
    if (decision === undefined) {
      this.#agree(nothingDecided);
      return;
    }
    checkDecision(decision);
    const known = decision as Decision<Context>;
    if ("status" in known) throw refusalOf(known);
    this.#agree(known);
  }

  /** Answers 101, and makes the link. */
  #agree(decision: Upgrade<Context>): void {
    const { request } = this;
    const { options, headers, context } = decision;
    let settings = this.#server.settingsOf(this.#handlers);
    if (options !== undefined) settings = settings.with(options, "upgrade().options.");
    const { protocols } = settings;
    const mayChoose = decision.protocol !== undefined || protocols.length > 0;
    const offered = mayChoose ? request.protocols : [];
    const protocol = decision.protocol ?? offered.find((name) => protocols.includes(name));
    const agreed =
      settings.extensions.length === 0
        ? []
        : acceptOffers(settings.extensions, offeredExtensions(this.#head));
    const extensions = agreed.map(({ option }) => option);
    const choice = { protocol, extensions, agreed };
    const { response, sessions } = acceptUpgrade(this.#head, offered, choice, headers);
    this.#phase = "over";
    this.#owner.onAgreed();
    const info = {
      protocol: protocol ?? "",
      extensions: writeOptions(extensions),
      target: request.target,
      context: context as Context,
      remoteAddress: request.remoteAddress,
      remotePort: request.remotePort,
      peer: request.peer,
    };
    // Not spread: on V8 each copy of that kind has a shape of its own, which outlives the connection.
    const parts = {
      side: "server",
      transport: this.#transport,
      handlers: this.#handlers,
      info,
      settings: settings.link,
      delivery: settings.delivery,
      sessions,
      place: this.#place,
    } as const;
    const link = new Link(this.#server, parts);
    this.#letOn();
    link.start(response, this.#early?.take() ?? noBytes);
    // Told once, and before there was a link to hear it.
    if (this.#hasPeerEnded) link.onEnd();
  }

  /** Gives the connection back, to refuse the request; where it is too late for that, only the hook's failure is told. */
  #fail(error: unknown): void {
    if (!this.#isAsking) {
      tellHookFailure(this.#server, error, this.#hook, this.request);
      return;
    }
    this.#phase = "over";
    this.#early = undefined;
    this.#letOn();
    this.#owner.onRefused(error);
  }

  #keepEarly(chunk: Uint8Array, start: number): void {
    if (start === chunk.length) return;
    this.#early ??= new BoundedBuffer();
    this.#early.add(chunk, start, chunk.length);
  }

  /** Stops reading where much has come early; until then it goes on, so that a peer which leaves is noticed. */
  #holdBack(): void {
    if (this.#isHeldBack || this.#early === undefined || this.#early.size <= mostEarly) return;
    this.#isHeldBack = true;
    this.#transport.pause();
  }

  /** Goes on to read, where the peer was held back. */
  #letOn(): void {
    if (!this.#isHeldBack) return;
    this.#isHeldBack = false;
    this.#transport.resume();
  }
}

const nothingDecided: Upgrade<never> = {};

/** Makes the refusal that a hook has returned. @throws {TypeError} Its headers have none of the forms. */
function refusalOf({ headers = [], ...rest }: Refusal): HandshakeError {
  return new HandshakeError("REJECTED", { ...rest, headers: toHeaderPairs(headers) });
}
