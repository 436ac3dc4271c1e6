/**
 * A transport of the socket of an upgraded HTTP request, which the application may pause.
 *
 * @module
 */

import process from "node:process";
import { AcceptedTransport } from "../node/accept.ts";
import type { NodeSocket } from "../node/transport.ts";

/** The members of an upgraded socket that are used beside those of a transport. */
export interface UpgradedSocket extends NodeSocket {
  /** Set to true: this side then ends by itself, behind its close frame. */
  allowHalfOpen?: boolean;
  /** Missing in a stream that is not a socket. */
  setTimeout?(milliseconds: number): unknown;
  /** Gives bytes that were read and not emitted; null for none. */
  read?(): Uint8Array | null;
  /** Adds a listener in front of all others. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as in Node's own declaration
  prependListener?(event: string, listener: (...values: any[]) => void): unknown;
}

/** Reads unless the core or the application has paused it. */
export class UpgradedTransport extends AcceptedTransport {
  readonly #socket: UpgradedSocket;
  #isHeldByCore = false;
  #isHeldByUser = false;
  #looksForRest = false;

  /**
   * Takes over a socket, which from now on neither times out nor ends by itself.
   *
   * @param head Bytes that came behind the request or the response. They are delivered later, so that listeners can be added
   * first.
   */
  constructor(socket: UpgradedSocket, head: Uint8Array) {
    super(socket);
    socket.setTimeout?.(0);
    socket.allowHalfOpen = true;
    this.#socket = socket;
    if (head.length === 0) return;
    super.pause();
    // A copy: the core may change the bytes that it gets, and these belong to the HTTP parser.
    this.keep(new Uint8Array(head));
    process.nextTick(() => {
      this.#goOn();
    });
  }

  /** Whether the application has paused it. */
  get isHeld(): boolean {
    return this.#isHeldByUser;
  }

  override pause(): void {
    this.#isHeldByCore = true;
    super.pause();
  }

  override resume(): void {
    this.#isHeldByCore = false;
    this.#goOn();
  }

  /** Stops reading for the application. */
  hold(): void {
    this.#isHeldByUser = true;
    super.pause();
    if (this.#looksForRest) return;
    this.#looksForRest = true;
    // A closed socket does not emit the bytes that it read while it was paused: they are taken here.
    this.#socket.prependListener?.("close", () => {
      this.#tellRest();
    });
  }

  /** Goes on reading for the application. */
  letGo(): void {
    if (!this.#isHeldByUser) return;
    this.#isHeldByUser = false;
    this.#goOn();
  }

  #goOn(): void {
    if (!this.#isHeldByCore && !this.#isHeldByUser) super.resume();
  }

  #tellRest(): void {
    this.tellKept();
    const rest = this.#socket.read?.();
    if (rest !== null && rest !== undefined) this.handler.onData(new Uint8Array(rest));
  }
}
