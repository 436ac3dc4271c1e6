/**
 * Shuts a server down within a deadline.
 *
 * Theory of operation. The server accepts no new connections, and answers new requests with 503. Handlers that are at work get
 * half of the time to finish; then their connections are closed. All other connections are closed at once. At the deadline the
 * remaining connections are dropped. When all connections are over, the shutdown waits for their `close` handlers. Last it leaves
 * the backplane, within the deadline, whether or not the broker answers.
 *
 * @module
 */

import type { Deadlines } from "../../clock.ts";
import { type Deferred, newDeferred } from "../../deferred.ts";
import { ClosedError, type Closure, TimeoutError } from "../../errors.ts";
import type { StatusCode } from "../../status.ts";
import { defaultFlowLimits } from "../options.ts";
import type { ShutdownOptions, ShutdownResult } from "./serve-options.ts";

/** The part of an open connection that a shutdown uses. */
export interface EndingLink {
  readonly connection: { close(status: StatusCode, reason: string): Promise<Closure> };
  readonly dispatcher: { readonly isHandling: boolean };
  /** Resolves when the handlers are done; undefined if none is at work. Never rejects. */
  readonly handlers: Promise<void> | undefined;
  /** Stops reading. */
  shut(): void;
  /** Drops the connection. */
  terminate(reason: Error): void;
}

/** The part of a handshake that a shutdown uses. */
export interface EndingHandshake {
  /** Ends the connection: after the plain request that is being answered, or with 503. */
  shut(reason: Error): void;
  /** Drops the connection. */
  giveUp(reason: Error): void;
}

/** A list of connections or handshakes. They leave it when they have ended. */
export interface Ending<Member> extends Iterable<Member> {
  readonly size: number;
}

/** The part of a server that its shutdown uses. */
export interface ShutdownParts {
  readonly links: Ending<EndingLink>;
  readonly handshakes: Ending<EndingHandshake>;
  readonly deadlines: Deadlines;
  /** Stops accepting; gives undefined if there is no listener. */
  closeListener(): Promise<void> | undefined;
  /** Forgets the counters of all addresses. */
  forgetAddresses(): void;
  /** Leaves the backplane within this time; gives undefined if there is no backplane. */
  leaveBackplane(milliseconds: number): Promise<void> | undefined;
}

/** Shuts one server down, once. Before that, it counts the handlers that still work for connections that are over. */
export class Shutdown {
  readonly #server: ShutdownParts;
  #result: Promise<ShutdownResult> | undefined;
  #allEnded: Deferred<void> | undefined;
  /** Number of connections that are over, and whose handlers are still at work. */
  #unfinished = 0;
  #allFinished: Deferred<void> | undefined;

  constructor(server: ShutdownParts) {
    this.#server = server;
  }

  /** Whether the shutdown has begun. Then the server accepts no connections. */
  get hasBegun(): boolean {
    return this.#result !== undefined;
  }

  /** Begins the shutdown, or joins the one that has begun. @returns As `Server.shutdown`. */
  run(options: Required<ShutdownOptions>): Promise<ShutdownResult> {
    if (this.#result === undefined) {
      // The promise exists before any handler hears of the end, because a handler may call `shutdown` again.
      const { promise, resolve, reject } = newDeferred<ShutdownResult>();
      this.#result = promise;
      this.#run(options).then(resolve, reject);
    }
    return this.#result;
  }

  /** A handshake or a connection has ended. */
  onEnded(): void {
    const { links, handshakes } = this.#server;
    if (links.size === 0 && handshakes.size === 0) this.#allEnded?.resolve();
  }

  /**
   * Counts a connection that is over until its handlers are done. It does not keep the connection, since the handlers may never
   * finish.
   */
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
    // It is awaited at the end. Without this handler, a rejection before that would be reported as unhandled.
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
    // If all connections have already ended by themselves, no close() still waits for its handlers.
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

  /** Drops the remaining connections at the deadline. */
  #dropAll(reason: TimeoutError): void {
    for (const link of [...this.#server.links]) link.terminate(reason);
    for (const handshake of [...this.#server.handshakes]) handshake.giveUp(reason);
  }

  /**
   * Waits for the handlers of connections that are over.
   *
   * @param most Milliseconds to wait at most, even if the shutdown has no deadline, because a handler may never finish.
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

/** Closes a connection. Its handlers have until `half` to finish. */
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
