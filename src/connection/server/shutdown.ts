/**
 * The orderly end of a server, in time.
 *
 * Theory of operation. Nobody is taken in any more; who asks to be is told 503. Handlers that are at work on what has come get half of
 * the time to be done with it; then their connections are closed, those of others at once. At the deadline what is left is dropped.
 * When all connections are over, their handlers for the end are waited for, and the backplane is left last: within the deadline,
 * whether its broker answers or not.
 *
 * @module
 */

import type { Deadlines } from "../../clock.ts";
import { type Deferred, newDeferred } from "../../deferred.ts";
import { ClosedError, type Closure, TimeoutError } from "../../errors.ts";
import type { StatusCode } from "../../status.ts";
import { defaultFlowLimits } from "../options.ts";
import type { ShutdownOptions, ShutdownResult } from "./serve-options.ts";

/** An open connection, as a shutdown sees it. */
export interface EndingLink {
  readonly connection: { close(status: StatusCode, reason: string): Promise<Closure> };
  readonly dispatcher: { readonly isHandling: boolean };
  /** What handlers are still at; undefined where none is. It never rejects. */
  readonly handlers: Promise<void> | undefined;
  /** Takes nothing in any more. */
  shut(): void;
  /** Drops the connection. */
  terminate(reason: Error): void;
}

/** A connection that is not open yet, as a shutdown sees it. */
export interface EndingHandshake {
  /** Ends the connection: with the plain request that is being answered, or with 503. */
  shut(reason: Error): void;
  /** Drops the connection. */
  giveUp(reason: Error): void;
}

/** Those that are to end; they leave when they have. */
export interface Ending<Member> extends Iterable<Member> {
  readonly size: number;
}

/** What is shut down: a server, as its shutdown sees it. */
export interface ShutdownParts {
  readonly links: Ending<EndingLink>;
  readonly handshakes: Ending<EndingHandshake>;
  readonly deadlines: Deadlines;
  /** Stops to accept; undefined where there is no listener. */
  closeListener(): Promise<void> | undefined;
  /** Forgets what is known of addresses. */
  forgetAddresses(): void;
  /** Leaves the backplane, within so many milliseconds; undefined where there is none. */
  leaveBackplane(milliseconds: number): Promise<void> | undefined;
}

/** Ends one server, once. Until then it counts the handlers that are at work for connections that are over. */
export class Shutdown {
  readonly #server: ShutdownParts;
  #result: Promise<ShutdownResult> | undefined;
  #allEnded: Deferred<void> | undefined;
  /** Connections that are over, and whose handlers are not. */
  #unfinished = 0;
  #allFinished: Deferred<void> | undefined;

  constructor(server: ShutdownParts) {
    this.#server = server;
  }

  /** Whether it has begun: nobody is taken in any more. */
  get hasBegun(): boolean {
    return this.#result !== undefined;
  }

  /** Begins, or joins what has begun. @returns As `Server.shutdown`. */
  run(options: Required<ShutdownOptions>): Promise<ShutdownResult> {
    if (this.#result === undefined) {
      // There before anybody is told of the end, and may ask for it again.
      const { promise, resolve, reject } = newDeferred<ShutdownResult>();
      this.#result = promise;
      this.#run(options).then(resolve, reject);
    }
    return this.#result;
  }

  /** A handshake has ended, or a connection. */
  onEnded(): void {
    const { links, handshakes } = this.#server;
    if (links.size === 0 && handshakes.size === 0) this.#allEnded?.resolve();
  }

  /** Counts a connection that is over until its handlers are done. It is not kept for it: they may never be. */
  awaitHandlers({ handlers }: Pick<EndingLink, "handlers">): void {
    if (handlers === undefined) return;
    this.#unfinished++;
    void handlers.then(() => {
      if (--this.#unfinished === 0) this.#allFinished?.resolve();
    });
  }

  async #run(options: Required<ShutdownOptions>): Promise<ShutdownResult> {
    const { status, reason, deadline } = options;
    const { deadlines } = this.#server;
    const began = deadlines.now();
    const listenerClosed = this.#server.closeListener();
    // Awaited at the end; until then nobody would have heard of it.
    listenerClosed?.catch(() => {});
    const links = [...this.#server.links];
    const end = new ClosedError({ status, reason, clean: false, initiator: "local" });
    for (const handshake of [...this.#server.handshakes]) handshake.shut(end);
    const isLate = newDeferred<void>();
    const late = deadlines.after(deadline, () => {
      this.#dropAll(new TimeoutError("SHUTDOWN_TIMEOUT", deadline));
      isLate.resolve();
    });
    const half = newDeferred<void>();
    const forHandlers = deadline === Infinity ? defaultFlowLimits.closeTimeout : deadline / 2;
    const halfTime = deadlines.after(forHandlers, half.resolve);
    const closures = links.map((link) => close(link, options, half.promise));

    this.#allEnded = newDeferred<void>();
    this.onEnded();
    await this.#allEnded.promise;
    halfTime.cancel();
    // Where a connection has ended by itself, nobody has to be waited for to close it.
    half.resolve();
    await this.#handlersFinished(forHandlers, isLate);
    late.cancel();
    this.#server.forgetAddresses();
    const total = deadline === Infinity ? defaultFlowLimits.closeTimeout : deadline;
    const rest = Math.max(0, began + total - deadlines.now());
    const leaving = [this.#server.leaveBackplane(rest), listenerClosed];
    for (const left of await Promise.allSettled(leaving)) {
      if (left.status === "rejected") throw left.reason;
    }
    const clean = (await Promise.all(closures)).filter((closure) => closure.clean).length;
    return { closed: clean, dropped: links.length - clean };
  }

  /** Drops what is left at the deadline. */
  #dropAll(reason: TimeoutError): void {
    for (const link of [...this.#server.links]) link.terminate(reason);
    for (const handshake of [...this.#server.handshakes]) handshake.giveUp(reason);
  }

  /**
   * Waits for the handlers of connections that are over.
   *
   * @param most Milliseconds: handlers that are never done are not waited for for ever, though the deadline may be.
   * @param isLate Resolves at the deadline.
   */
  async #handlersFinished(most: number, isLate: Deferred<void>): Promise<void> {
    if (this.#unfinished === 0) return;
    this.#allFinished = newDeferred<void>();
    const enough = this.#server.deadlines.after(most, isLate.resolve);
    await Promise.race([this.#allFinished.promise, isLate.promise]);
    enough.cancel();
  }
}

/** Closes a connection, whose handlers have until `half` to be done with what has come. */
async function close(
  link: EndingLink,
  { status, reason, drain }: Required<ShutdownOptions>,
  half: Promise<void>,
): Promise<Closure> {
  if (drain && link.dispatcher.isHandling) {
    link.shut();
    await Promise.race([link.handlers, half]);
  }
  return link.connection.close(status, reason);
}
