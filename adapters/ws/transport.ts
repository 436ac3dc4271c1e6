/**
 * A transport of the socket of an upgraded HTTP request, which the application may pause.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import process from "node:process";
import type { Peer } from "../../src/handshake/server/peer.ts";
import { hasWatchers } from "../diagnostics.ts";
import { AcceptedTransport } from "../node/accept.ts";
import { deliverOwnBuffer } from "../node/own-chunk.ts";
import { type NodeSocket, socketOf } from "../node/transport.ts";
import { buffersMade } from "./data.ts";

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

/** The peer of all connections without TLS about which nobody asks. */
const somePeer: Peer = {
  address: undefined,
  port: undefined,
  encrypted: false,
  host: "",
  proxied: undefined,
};

/**
 * Bytes of a chunk that is copied as a whole, at most. An application that keeps one of its messages keeps them all; with `ws` it
 * keeps up to 64 KiB.
 */
const largestCopied = 32 * 1024;

/** Reads unless the core or the application has paused it. */
export class UpgradedTransport extends AcceptedTransport {
  #isHeldByCore = false;
  #isHeldByUser = false;
  #looksForRest = false;
  /** Whether the last chunk had the end of a message. If not, the next one is a part of a large message, which is copied anyway. */
  #hadMessage = true;

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
    if (head.length === 0) return;
    super.pause();
    // A copy: the core may change the bytes that it gets, and these belong to the HTTP parser.
    this.keep(new Uint8Array(head));
    process.nextTick(() => {
      this.#goOn();
    });
  }

  /**
   * The peer's address, if a subscriber to the channels of diagnostics may ask for it. A program that uses `ws` asks the socket
   * itself. To ask the system for each connection would take 4 % of the handshake, and 200 bytes of an idle connection.
   */
  override get remoteAddress(): string | undefined {
    return hasWatchers() ? super.remoteAddress : undefined;
  }

  override get remotePort(): number | undefined {
    return hasWatchers() ? super.remotePort : undefined;
  }

  /** The peer, if it is the same for all connections because nobody asks; undefined if the core must find it. */
  get commonPeer(): Peer | undefined {
    return this.encrypted || hasWatchers() ? undefined : somePeer;
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

  /** One copy of a chunk, in which its messages stay, costs less than a copy of each message. */
  protected override deliver(bytes: Uint8Array): void {
    const before = buffersMade();
    if (this.#hadMessage && bytes.length <= largestCopied) {
      const own = Buffer.allocUnsafe(bytes.length);
      own.set(bytes);
      deliverOwnBuffer(this.handler, own);
    } else {
      super.deliver(bytes);
    }
    this.#hadMessage = buffersMade() !== before;
  }

  /** Stops reading for the application. */
  hold(): void {
    this.#isHeldByUser = true;
    super.pause();
    if (this.#looksForRest) return;
    this.#looksForRest = true;
    // A closed socket does not emit the bytes that it read while it was paused: they are taken here.
    (socketOf(this) as UpgradedSocket).prependListener?.("close", () => {
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
    const rest = (socketOf(this) as UpgradedSocket).read?.();
    if (rest !== null && rest !== undefined) this.handler.onData(new Uint8Array(rest));
  }
}
