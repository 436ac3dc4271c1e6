/**
 * One connection with the interface of `crossws`.
 *
 * @module
 */

import { randomUUID } from "node:crypto";
import { clearTimeout, setTimeout } from "node:timers";
import type { Connection } from "../../src/connection/connection.ts";
import type { RuntimeRequest } from "../../src/connection/http/fetch.ts";
import { prepareMessage } from "../../src/connection/send/prepare.ts";
import { StatusNormalClosure, StatusNoStatusRcvd } from "../../src/status.ts";
import { topicName } from "./namespaces.ts";
import type { Opening } from "./opening.ts";
import { outgoingOf } from "./outgoing.ts";
import type {
  DrainOptions,
  Hooks,
  Peer,
  PeerSendOptions,
  PeerWebSocket,
  SyncMessage,
} from "./types.ts";

/** The methods of the adapter that a peer calls. */
export interface PeerOwner {
  /** Gives the open peers of a namespace. */
  peersOf(namespace: string): Set<Peer>;
  /** Sends a peer's publication to other instances. */
  carry(message: SyncMessage): void;
  /** Reports that a call of the application has failed without an error for its caller. */
  failed(peer: HookPeer, error: unknown): void;
}

/** The facts about a peer that are decided before its connection is open. */
export interface PeerFacts {
  readonly opening: Opening;
  readonly namespace: string;
  readonly context: Record<string, unknown>;
  /** The hooks of this request only. */
  readonly hooks: Hooks | undefined;
}

const defaultPoll = 100;
const readyStates = { open: 1, closing: 2, closed: 3 } as const;

/** The peer of a connection; it is the connection's `context`. */
export class HookPeer implements Peer {
  readonly namespace: string;
  readonly context: Record<string, unknown>;
  readonly topics: Set<string> = new Set();
  readonly websocket: PeerWebSocket;
  /** The hooks of this request only. */
  readonly hooks: Hooks | undefined;
  readonly #owner: PeerOwner;
  readonly #opening: Opening;
  #connection: Connection<HookPeer> | undefined;
  #id: string | undefined;

  constructor(owner: PeerOwner, { opening, namespace, context, hooks }: PeerFacts) {
    this.#owner = owner;
    this.#opening = opening;
    this.namespace = namespace;
    this.context = context;
    this.hooks = hooks;
    this.websocket = new PeerSocket(this);
  }

  /** Sets the connection, which is open. */
  opened(connection: Connection<HookPeer>): void {
    this.#connection = connection;
  }

  /** The connection. */
  get connection(): Connection<HookPeer> {
    return this.#connection!;
  }

  get id(): string {
    return (this.#id ??= randomUUID());
  }

  get request(): RuntimeRequest {
    return this.#opening.request;
  }

  get remoteAddress(): string | undefined {
    return this.connection.peer.address ?? this.connection.remoteAddress;
  }

  get peers(): Set<Peer> {
    return this.#owner.peersOf(this.namespace);
  }

  get bufferedAmount(): number {
    return this.connection.bufferedAmount;
  }

  send(data: unknown, options?: PeerSendOptions): number {
    const { connection } = this;
    const outgoing = outgoingOf(data);
    // The rejection of a late message is not used: `close` tells the same.
    if (options?.compress === false) void connection.send(outgoing, { compress: false });
    else void connection.send(outgoing);
    return connection.bufferedAmount;
  }

  subscribe(topic: string): void {
    void this.connection.subscribe(topicName(this.namespace, topic));
    this.topics.add(topic);
  }

  unsubscribe(topic: string): void {
    this.connection.unsubscribe(topicName(this.namespace, topic));
    this.topics.delete(topic);
  }

  publish(topic: string, data: unknown, { compress = true }: PeerSendOptions = {}): void {
    const { namespace } = this;
    const outgoing = outgoingOf(data);
    this.connection.publish(topicName(namespace, topic), prepareMessage(outgoing, { compress }));
    this.#owner.carry({ namespace, topic, data: outgoing });
  }

  ping(data?: unknown): number {
    try {
      void this.connection.ping(outgoingOf(data));
    } catch (error) {
      this.#owner.failed(this, error);
    }
    return this.connection.bufferedAmount;
  }

  async waitForDrain({
    threshold = 0,
    pollInterval = defaultPoll,
    signal,
  }: DrainOptions = {}): Promise<void> {
    const given = signal as AbortSignal | undefined;
    const { connection } = this;
    while (connection.state !== "closed" && connection.bufferedAmount > threshold) {
      given?.throwIfAborted();
      await somethingOf(connection, pollInterval, given);
    }
  }

  close(code?: number, reason?: string): void {
    const ifNone = reason ? StatusNormalClosure : StatusNoStatusRcvd;
    void this.connection.close(code ?? ifNone, reason);
  }

  terminate(): void {
    this.connection.terminate();
  }

  toString(): string {
    return this.id;
  }

  [Symbol.toPrimitive](): string {
    return this.id;
  }

  get [Symbol.toStringTag](): string {
    return "WebSocket";
  }
}

/** Waits until a connection has ended, a signal aborts, or some time has passed: there is no event for fewer unsent bytes. */
async function somethingOf(
  connection: Connection<HookPeer>,
  milliseconds: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const go = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", go);
      resolve();
    };
    const timer = setTimeout(go, milliseconds);
    signal?.addEventListener("abort", go);
    void connection.closed.then(go);
  });
}

/** A connection with the names of a browser's WebSocket. */
class PeerSocket implements PeerWebSocket {
  binaryType = "nodebuffer";
  readonly #peer: HookPeer;

  constructor(peer: HookPeer) {
    this.#peer = peer;
  }

  get readyState(): number {
    return readyStates[this.#peer.connection.state];
  }

  get bufferedAmount(): number {
    return this.#peer.bufferedAmount;
  }

  get protocol(): string {
    return this.#peer.connection.protocol;
  }

  get extensions(): string {
    return this.#peer.connection.extensions;
  }

  get url(): string {
    return (this.#peer.request as Request).url.replace(/^http/, "ws");
  }

  send(data: unknown): void {
    this.#peer.send(data);
  }

  close(code?: number, reason?: string): void {
    this.#peer.close(code, reason);
  }
}
