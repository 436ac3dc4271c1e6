/**
 * The socket of an HTTP request that was upgraded, as a transport that the application may pause.
 *
 * @module
 */

import process from "node:process";
import { AcceptedTransport } from "../node/accept.ts";
import type { NodeSocket } from "../node/transport.ts";

/** What is used of an upgraded socket beside what a transport uses. */
export interface UpgradedSocket extends NodeSocket {
  /** Set to true: this side ends by itself, behind its close frame. */
  allowHalfOpen?: boolean;
  /** A stream that is not a socket has none. */
  setTimeout?(milliseconds: number): unknown;
  /** Gives what was read and not told, null for nothing. */
  read?(): Uint8Array | null;
  /** Adds a listener in front of all others. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Node's own declaration has it
  prependListener?(event: string, listener: (...values: any[]) => void): unknown;
}

/** Reads while neither the core nor the application has paused it. */
export class UpgradedTransport extends AcceptedTransport {
  readonly #socket: UpgradedSocket;
  #isHeldByCore = false;
  #isHeldByUser = false;
  #looksForRest = false;

  /**
   * Takes a socket over, which from now on neither times out nor ends by itself.
   *
   * @param head Bytes that came behind the request or the response; told in a later turn, so that listeners can be added first.
   */
  constructor(socket: UpgradedSocket, head: Uint8Array) {
    super(socket);
    socket.setTimeout?.(0);
    socket.allowHalfOpen = true;
    this.#socket = socket;
    if (head.length === 0) return;
    super.pause();
    // A copy: the core may change what it is given, and this is the HTTP parser's.
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

  /** The application reads no more for now. */
  hold(): void {
    this.#isHeldByUser = true;
    super.pause();
    if (this.#looksForRest) return;
    this.#looksForRest = true;
    // What a socket has read while it was paused it tells nobody once it is gone.
    this.#socket.prependListener?.("close", () => {
      this.#tellRest();
    });
  }

  /** It reads on. */
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
