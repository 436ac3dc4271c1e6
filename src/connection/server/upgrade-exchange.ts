/**
 * Answers one request to upgrade: checks the origin, asks the hook, sends 101, and makes the link (RFC 6455, 4.2.2).
 *
 * Theory of operation. The server's handshake has read and checked the head, and lends the connection to this exchange. While a
 * function for `origins` or the `upgrade` hook decides, early bytes of the peer are kept. Then the exchange sends 101, and a link
 * takes over; or it gives the connection back, and the handshake refuses the request. The deadline of the handshake runs on, and
 * stays with the handshake.
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
  /** Milliseconds for the whole handshake. */
  readonly handshakeTimeout: number;
  /** Gives the settings for an object of handlers: a route's, or the server's own. */
  settingsOf(handlers: RouteHandlers<Context>): RouteSettings;
}

/** The handshake that lends the connection. */
export interface UpgradeExchangeOwner {
  readonly transport: Transport;
  /** The request was accepted. From now on the connection belongs to a link. */
  onAgreed(): void;
  /** The request must be refused. Nothing was sent. */
  onRefused(error: unknown): void;
  /** The connection was lost before anything was sent. */
  onFailed(error: unknown): void;
  /** The transport is closed. */
  onGone(): void;
}

/** A request that has passed its checks. */
export interface RequestedUpgrade<Context> {
  readonly head: Head;
  readonly request: UpgradeRequest;
  /** The handlers for its path. */
  readonly handlers: RouteHandlers<Context>;
  /** The connection's place among those of the same address; undefined if they are not counted. */
  readonly place: LinkPlace | undefined;
  /** Whether the peer had already ended its stream when the request was read. */
  readonly hasPeerEnded: boolean;
}

/* asking: a function for `origins`, or the hook, is asked. over: the connection was given back, or belongs to a link. */
type Phase = "asking" | "over";

/** Number of bytes that a peer may send while a hook decides. Then framewire stops reading. */
const mostEarly = 16 * 1024;

/** Makes the refusal of a request during a shutdown: another server may accept it. */
export function newShutdownRefusal(reason: Error): HandshakeError {
  const message = "The server is shutting down";
  return new HandshakeError("REJECTED", { message, status: 503, cause: reason });
}

/** Asks the hooks about one request, and answers the request. */
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
  /** The bytes after the request; undefined if there are none, as is usual. */
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

  /** The hook that is asked now, or that was asked last. */
  get hook(): Hook {
    return this.#hook;
  }

  /** Takes over the connection, with the bytes after the head: `chunk` from `start` on. */
  begin(chunk: Uint8Array, start: number): void {
    const { origins } = this.#server.settingsOf(this.#handlers);
    // A hook may keep the request, but the chunk that contains it will be reused.
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
    // The peer may still read the answer, so it gets one.
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

  /** The time for the answer is over. The hook was too slow, not the peer. */
  expire(): void {
    const cause = new TimeoutError("HANDSHAKE_TIMEOUT", this.#server.handshakeTimeout);
    this.#fail(new HandshakeError("INTERNAL", { status: 503, cause }));
    abandon(this.request, cause);
  }

  /** Refuses the request because of a shutdown. @param reason The error for a hook that is still deciding. */
  shut(reason: Error): void {
    this.#fail(newShutdownRefusal(reason));
    abandon(this.request, reason);
  }

  /** Whether the request still needs an answer. A hook can end that itself by shutting the server down. */
  get #isAsking(): boolean {
    return this.#phase === "asking";
  }

  /** Asks the hook, unless the request no longer needs an answer. */
  #ask(): void {
    if (!this.#isAsking) return;
    this.#hook = "upgrade";
    const decision: unknown = this.#handlers.upgrade?.(this.request);
    if (isPromise(decision)) this.#wait(decision, (value) => this.#decide(value));
    else this.#decide(decision);
  }

  /** Continues with the result of a promise. */
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

  /** Acts on the hook's decision, unless the request no longer needs an answer. */
  #decide(decision: unknown): void {
    if (!this.#isAsking) return;
    // The usual case, without a hook or without a decision, needs no checks.
    if (decision === undefined) {
      this.#agree(nothingDecided);
      return;
    }
    checkDecision(decision);
    const known = decision as Decision<Context>;
    if ("status" in known) throw refusalOf(known);
    this.#agree(known);
  }

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
    // Not a spread: on V8 each object made by a spread has a shape of its own, which outlives the connection.
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
    // The transport reports the end once, and it did so before the link existed.
    if (this.#hasPeerEnded) link.onEnd();
  }

  /** Gives the connection back to refuse the request. If that is too late, it only reports the hook's failure. */
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

  /** Stops reading if too many bytes have come early. Before that it reads on, to notice that the peer leaves. */
  #holdBack(): void {
    if (this.#isHeldBack || this.#early === undefined || this.#early.size <= mostEarly) return;
    this.#isHeldBack = true;
    this.#transport.pause();
  }

  /** Reads again, if reading was stopped. */
  #letOn(): void {
    if (!this.#isHeldBack) return;
    this.#isHeldBack = false;
    this.#transport.resume();
  }
}

const nothingDecided: Upgrade<never> = {};

/** Makes the refusal that a hook has returned. @throws {TypeError} Its headers have no valid form. */
function refusalOf({ headers = [], ...rest }: Refusal): HandshakeError {
  return new HandshakeError("REJECTED", { ...rest, headers: toHeaderPairs(headers) });
}
