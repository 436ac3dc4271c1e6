/**
 * The shape of `crossws`: hooks, peers, messages. Types only.
 *
 * They are interfaces, and hooks are methods, so that hooks that are written with the types of `crossws` are taken, too.
 *
 * @module
 */

import type { RuntimeRequest, RuntimeResponse } from "../../src/connection/http/fetch.ts";
import type { ServeOptions } from "../../src/connection/server/serve-options.ts";
import type { Awaitable } from "../../src/io/byte-stream.ts";
import type { ListenOptions } from "../../src/transport.ts";

/** The request that asked for the connection. */
export type HookRequest = RuntimeRequest & {
  /** What a framework has put there; it becomes the peer's `context`. */
  readonly context?: Record<string, unknown>;
};

/** What the `upgrade` hook may say of a connection that it lets in. */
export interface UpgradeResult {
  /** Headers for the response: a `Headers`, pairs, or an object. Those of the handshake itself are left out. */
  headers?: object;
  /** The subprotocol, one of those offered. */
  protocol?: string;
  /** Whether the connection compresses, where the client offers it. Options of it are those of `server.compression`. */
  perMessageDeflate?: boolean | object;
  /** Peers and topics are those of one namespace. Default: the path. */
  namespace?: string;
  /** Goes into the peer's `context`. */
  context?: Record<string, unknown>;
  /** Not possible here: the socket is the server's by then. An error, and 500. */
  handled?: boolean;
}

/** How a message is sent. */
export interface PeerSendOptions {
  /** Whether it may be compressed, where the connection compresses. Default: true. */
  compress?: boolean;
}

/** What {@link Peer.waitForDrain} waits for. */
export interface DrainOptions {
  /** Unsent bytes that are few enough. Default: 0. */
  threshold?: number;
  /** Ignored: nothing is polled. */
  pollInterval?: number;
  /** Gives the wait up: it rejects with the signal's reason. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each runtime's types have their own
  signal?: any;
}

/** The connection under the names of a browser's WebSocket, as far as it goes. */
export interface PeerWebSocket {
  /** How {@link Message.data} gives messages: "nodebuffer", "arraybuffer", "blob", "uint8array" or "text". Default: "nodebuffer". */
  binaryType: string;
  /** 1 while it is open, 2 while it closes, 3 when it is over. */
  readonly readyState: number;
  /** Bytes that are not with the system yet. */
  readonly bufferedAmount: number;
  /** The subprotocol, "" for none. */
  readonly protocol: string;
  /** The extensions, "" for none. */
  readonly extensions: string;
  /** The URL that it was opened with. */
  readonly url: string;
  /** Sends a message. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what a WebSocket takes, by any runtime's types
  send(data: any): void;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** One connection. */
export interface Peer {
  /** A random UUID, made when somebody asks for it. */
  readonly id: string;
  /** The request that asked for the connection. */
  readonly request: RuntimeRequest;
  /** What the `upgrade` hook and the framework have said of the connection; yours to change. */
  readonly context: Record<string, unknown>;
  /** Whose peers and topics it has. */
  readonly namespace: string;
  /** IP address of who is at the socket; of the client itself where the option `server.trustProxy` believes who is. */
  readonly remoteAddress: string | undefined;
  /** The open connections of its namespace, itself included. */
  readonly peers: Set<Peer>;
  /** The topics that it is subscribed to. */
  readonly topics: Set<string>;
  /** Bytes that are not with the system yet. */
  readonly bufferedAmount: number;
  /** The connection under a browser's names. */
  readonly websocket: Partial<PeerWebSocket>;
  /**
   * Sends a message: text as a string, bytes as binary, numbers and the like as text, `undefined` and `null` as "", all else as JSON.
   *
   * @returns The bytes that are unsent now.
   */
  send(data: unknown, options?: PeerSendOptions): number | undefined | void;
  /** Gets what is published to a topic of its namespace from now on. */
  subscribe(topic: string): void;
  /** Gets it no more. */
  unsubscribe(topic: string): void;
  /** Sends a message to all subscribers of a topic of its namespace but this one. */
  publish(topic: string, data: unknown, options?: PeerSendOptions): void;
  /** Sends a ping; one that cannot be sent is told by the `error` hook. @param data At most 125 bytes. */
  ping(data?: unknown): number | undefined | void;
  /** Resolves when the unsent bytes are few enough, or the connection is over. */
  waitForDrain(options?: DrainOptions): Promise<void>;
  /** Begins the closing handshake. @param code Default: none is sent. */
  close(code?: number, reason?: string): void;
  /** Drops the connection. */
  terminate(): void;
  /** Its {@link id}. */
  toString(): string;
}

/** A message that has come. */
export interface Message {
  /** A random UUID, made when somebody asks for it. */
  readonly id: string;
  /** Who has sent it. */
  readonly peer?: Peer | undefined;
  /** Always undefined: there is no event behind it. */
  readonly event?: unknown;
  /** Text as a string, binary as bytes. */
  readonly rawData: unknown;
  /** The message as `peer.websocket.binaryType` says. */
  readonly data: unknown;
  /** The message as text. */
  text(): string;
  /** The message parsed as JSON. @throws {SyntaxError} It is none. */
  json<Value = unknown>(): Value;
  /** The message as bytes. */
  uint8Array(): Uint8Array;
  /** The message as bytes of an ArrayBuffer of its own. */
  arrayBuffer(): ArrayBufferLike;
  /** The message as a `Blob` of the runtime. */
  blob(): object;
  /** {@link text}. */
  toString(): string;
}

/** How a connection has ended. */
export interface CloseDetails {
  /** The status code of the close frame; 1005 for none in it, 1006 for no close frame. */
  code?: number;
  /** The reason in it. */
  reason?: string;
}

/**
 * What an application does with connections. What a hook throws, or its promise rejects with, fails its connection with 1011 and goes to
 * `error`; without that hook it is written to the console. Promises are not awaited: hooks of one connection may overlap.
 */
export interface Hooks {
  /**
   * Decides about a request. Default: it is let in. To refuse it, return or throw a `Response`.
   *
   * @param request Yours to keep.
   */
  upgrade?(request: HookRequest): Awaitable<UpgradeResult | RuntimeResponse | undefined | void>;
  /** The connection is open. */
  open?(peer: Peer): Awaitable<void>;
  /** A message has come. */
  message?(peer: Peer, message: Message): Awaitable<void>;
  /** The unsent bytes have come down to the mark, after they were above it. */
  drain?(peer: Peer): Awaitable<void>;
  /** A ping has come; it is answered already. */
  ping?(peer: Peer, data: Uint8Array): Awaitable<void>;
  /** A pong has come; those that answer the pings of `idleTimeout` are not told. */
  pong?(peer: Peer, data: Uint8Array): Awaitable<void>;
  /** Something went wrong; `close` follows. */
  error?(peer: Peer, error: Error): Awaitable<void>;
  /** The connection is over. */
  close?(peer: Peer, details: CloseDetails): Awaitable<void>;
}

/** Gives hooks for one request, which are asked beside those of the option `hooks`. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- frameworks have requests of their own types
export type ResolveHooks = (request: any) => Awaitable<Hooks | undefined | void>;

/** What goes over a backplane of `crossws`. */
export interface SyncMessage {
  /** Empty for all namespaces. */
  namespace: string;
  /** The topic in it. */
  topic: string;
  /** What is published. */
  data: string | Uint8Array;
}

/** One instance's part of a backplane. */
export interface SyncDriver {
  /** Has what the other instances publish delivered from now on. */
  subscribe(deliver: (message: SyncMessage) => void): Awaitable<void>;
  /** Publishes to the other instances. */
  publish(message: SyncMessage): Awaitable<void>;
  /** Ends it. */
  close?(): Awaitable<void>;
}

/** Makes a driver; those of `crossws/sync` do. */
export type SyncAdapter = (about: { id: string }) => SyncDriver;

/** What of a backplane has failed. */
export interface SyncErrorContext {
  /** "subscribe" and "publish" are the driver's; "delivery" is what other instances have published. */
  stage: "subscribe" | "publish" | "delivery";
}

/** Framewire's own options of a server, but for those of where it listens. */
export type HookServerOptions = Omit<ServeOptions, keyof ListenOptions>;

/** Options of an adapter. */
export interface AdapterOptions {
  /** Hooks of all connections. */
  hooks?: Hooks | undefined;
  /** Gives hooks for each request. */
  resolve?: ResolveHooks | undefined;
  /** Gives the namespace of a request. Default: its path. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as for ResolveHooks
  getNamespace?: ((request: any) => string) | undefined;
  /** Chooses one of the subprotocols offered, where the `upgrade` hook has not. Default: none is chosen. */
  handleProtocols?:
    | ((
        protocols: Set<string>,
        // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as for ResolveHooks
        request: any,
      ) => Awaitable<string | false | null | undefined>)
    | undefined;
  /** Seconds between pings; a connection that answers none until the next is dropped. 0 for no pings. Default: 30. */
  idleTimeout?: number | undefined;
  /** Carries publications to other instances. Framewire's own backplanes are `server.backplane`. Default: they stay here. */
  sync?: SyncAdapter | undefined;
  /** Is told what of `sync` has failed. Default: it is written to the console. */
  onError?: ((error: unknown, context: SyncErrorContext) => void) | undefined;
  /**
   * Framewire's own options, such as `maxMessageSize`, `compression`, `trustProxy` and `origins`; they go before those above. Defaults
   * are framewire's, but for `origins`, which is "any", as with `crossws`.
   */
  server?: HookServerOptions | undefined;
}

/** A request of `node:http`, as far as it is used. */
export interface UpgradeMessage {
  /** Such as "GET". */
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  /** Such as "1.1". */
  readonly httpVersion: string;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
}

/** Takes connections, and calls hooks. */
export interface HookAdapter<PeerType = Peer> {
  /** The open connections by namespace. */
  readonly peers: Map<string, Set<PeerType>>;
  /** Sends a message to all subscribers of a topic, in one namespace or in all. */
  readonly publish: (
    topic: string,
    data: unknown,
    options?: PeerSendOptions & { namespace?: string },
  ) => void;
  /**
   * Takes a request that an HTTP server of `node:http` has told by `upgrade`, on Node, Deno and Bun.
   *
   * @param webRequest The same as a `Request`, where there is one; hooks get it. Default: one is made.
   * @returns Resolves when it is decided what becomes of the request.
   * @throws {TypeError} It is none of `node:http`.
   * @throws {Error} The socket was given before.
   */
  readonly handleUpgrade: (
    request: UpgradeMessage,
    socket: object,
    head: Uint8Array,
    webRequest?: object,
  ) => Promise<void>;
  /** Closes all connections, or drops them with `force`. New ones are still taken. */
  readonly closeAll: (code?: number, reason?: string | Uint8Array, force?: boolean) => void;
  /** Ends it: closes all connections and waits for their end, takes no more, and leaves the backplane. @param code Default: 1001. */
  readonly close: (code?: number, reason?: string) => Promise<void>;
  /** The driver of `sync`. */
  readonly sync?: SyncDriver;
}
