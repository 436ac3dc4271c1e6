/**
 * A connection that is not open yet: the server's side of the opening handshake, in time (RFC 6455, 4.2).
 *
 * @module
 */

import { concat, noBytes } from "../bytes.ts";
import { HandshakeError, TimeoutError, TransportError } from "../errors.ts";
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
import type { Transport, TransportHandler } from "../transport.ts";
import type { Deadline } from "../clock.ts";
import { isPromise } from "../deferred.ts";
import type { ServerHandlers, Upgrade } from "./handlers.ts";
import { Link, type LinkOwner } from "./link.ts";

/** What all openings of one server share. */
export interface OpeningOwner<Context> extends LinkOwner<Context> {
  readonly handlers: ServerHandlers<Context>;
  readonly headLimits: HeadLimits;
  /** The extensions that are agreed to. */
  readonly extensions: readonly Extension[];
  /** Milliseconds from the first byte's possibility to the response. */
  readonly handshakeTimeout: number;
  /** An opening has begun. */
  openingBegan(opening: Opening<Context>): void;
  /** An opening has ended, whatever came of it. */
  openingEnded(opening: Opening<Context>): void;
}

/*
 * What an opening does: it reads the head, waits for a hook, or has answered with something else than 101 and drains
 * what still comes. When it answers 101 a Link takes its place.
 */
type Phase = "reading" | "deciding" | "refused" | "over";

/** Reads a request, asks the hooks, answers. */
export class Opening<Context> implements TransportHandler {
  readonly #transport: Transport;
  readonly #owner: OpeningOwner<Context>;
  readonly #parser: HeadParser;
  #deadline: Deadline;
  #phase: Phase = "reading";
  #early: Uint8Array = noBytes;
  #hasPeerEnded = false;

  constructor(transport: Transport, owner: OpeningOwner<Context>) {
    this.#transport = transport;
    this.#owner = owner;
    this.#parser = new HeadParser("request", owner.headLimits);
    this.#deadline = owner.deadlines.after(owner.handshakeTimeout, () => this.#timeOut());
    transport.handler = this;
    owner.openingBegan(this);
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
      const cause = new TransportError(error === undefined ? "UNEXPECTED_END" : "RESET", {
        cause: error,
      });
      this.#report(toHandshakeError(cause));
    }
  }

  /** Drops the connection. */
  drop(): void {
    this.#phase = "refused";
    this.#transport.destroy();
  }

  #read(chunk: Uint8Array): void {
    try {
      const end = this.#parser.feed(chunk);
      if (!this.#parser.isComplete) return;
      const { head } = this.#parser;
      checkRequest(head);
      const request = new UpgradeRequest(head, this.#transport.remoteAddress);
      const { http, upgrade } = this.#owner.handlers;
      if (http !== undefined && !isUpgrade(head)) {
        this.#decide(chunk, end, this.#owner.handlers.http?.(request), (reply) => {
          this.#answer(writeReply(reply as HttpReply));
        });
        return;
      }
      checkUpgrade(head);
      const decision = upgrade === undefined ? undefined : this.#owner.handlers.upgrade?.(request);
      this.#decide(chunk, end, decision, (answer) => {
        this.#open(request, (answer ?? {}) as Upgrade<Context>);
      });
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Goes on with what a hook decides; what comes meanwhile is kept, and the peer is held back. */
  #decide(
    chunk: Uint8Array,
    end: number,
    decision: unknown,
    act: (decision: unknown) => void,
  ): void {
    this.#phase = "deciding";
    this.#early = chunk.slice(end);
    if (!isPromise(decision)) {
      act(decision);
      return;
    }
    this.#parser.head.retain();
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

  #open(request: UpgradeRequest, upgrade: Upgrade<Context>): void {
    const { protocol, headers, context } = upgrade;
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
    const link = new Link<Context>("server", this.#transport, this.#owner, info, sessions);
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
    try {
      const result = this.#owner.handlers.refused?.(error, this.#transport.remoteAddress);
      if (isPromise(result)) result.then(undefined, () => {});
    } catch {
      // A hook for logs that fails has nobody left to tell.
    }
  }
}
