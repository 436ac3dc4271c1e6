/**
 * The interface of `crossws`: hooks, peers, messages. Types only.
 *
 * The types are interfaces, and hooks are methods, so that hooks written with the types of `crossws` are accepted, too.
 *
 * @module
 */

import type { RuntimeRequest, RuntimeResponse } from "../../src/connection/http/fetch.ts";
import type { ServeOptions } from "../../src/connection/server/serve-options.ts";
import type { Awaitable } from "../../src/io/byte-stream.ts";
import type { ListenOptions } from "../../src/transport.ts";

/** The request that asked for the connection. */
export type HookRequest = RuntimeRequest & {
  /** Set by a framework; it becomes the peer's `context`. */
  readonly context?: Record<string, unknown>;
};

/** The result of the `upgrade` hook for a connection that it accepts. */
export interface UpgradeResult {
  /** Headers for the response: a `Headers`, pairs, or an object. Headers of the handshake itself are left out. */
  headers?: object;
  /** The subprotocol, one of the offered ones. */
  protocol?: string;
  /**
   * Whether the connection compresses, if the client offers it. An object is read as true: `server.compression` has the options.
   */
  perMessageDeflate?: boolean | object;
  /** The namespace of the connection's peers and topics. Default: the path. */
  namespace?: string;
  /** Added to the peer's `context`. */
  context?: Record<string, unknown>;
  /** Not possible here, since the server already has the socket. An error, and 500. */
  handled?: boolean;
}

/** Options of `send`. */
export interface PeerSendOptions {
  /** Whether the message may be compressed, if the connection compresses. Default: true. */
  compress?: boolean;
}

/** Options of {@link Peer.waitForDrain}. */
export interface DrainOptions {
  /** Unsent bytes at which the wait ends. Default: 0. */
  threshold?: number;
  /** Ignored: nothing is polled. */
  pollInterval?: number;
  /** Ends the wait, which rejects with the signal's reason. */
  // oxlint-disable-next-line typescript/no-explicit-any -- each runtime's types have a different one
  signal?: any;
}

/** The connection with the names of a browser's WebSocket, as far as they exist here. */
export interface PeerWebSocket {
  /** The form of {@link Message.data}: "nodebuffer", "arraybuffer", "blob", "uint8array" or "text". Default: "nodebuffer". */
  binaryType: string;
  /** 1 while it is open, 2 while it closes, 3 when it is over. */
  readonly readyState: number;
  /** Bytes that the system has not taken yet. */
  readonly bufferedAmount: number;
  /** The subprotocol; "" for none. */
  readonly protocol: string;
  /** The extensions; "" for none. */
  readonly extensions: string;
  /** The requested URL. */
  readonly url: string;
  /** Sends a message. */
  // oxlint-disable-next-line typescript/no-explicit-any -- the parameter of a WebSocket's send, in any runtime's types
  send(data: any): void;
  /** Begins the closing handshake. */
  close(code?: number, reason?: string): void;
}

/** One connection. */
export interface Peer {
  /** A random UUID, made when it is first read. */
  readonly id: string;
  /** The request that asked for the connection. */
  readonly request: RuntimeRequest;
  /** Values that the `upgrade` hook and the framework have set; the application may change them. */
  readonly context: Record<string, unknown>;
  /** The namespace of its peers and topics. */
  readonly namespace: string;
  /** IP address of the socket's peer; the client's own if the option `server.trustProxy` trusts that peer. */
  readonly remoteAddress: string | undefined;
  /** The open connections of its namespace, this one included. */
  readonly peers: Set<Peer>;
  /** The topics to which it is subscribed. */
  readonly topics: Set<string>;
  /** Bytes that the system has not taken yet. */
  readonly bufferedAmount: number;
  /** The connection with a browser's names. */
  readonly websocket: Partial<PeerWebSocket>;
  /**
   * Sends a message: a string as text, bytes as binary, numbers and the like as text, `undefined` and `null` as "", everything
   * else as JSON.
   *
   * @returns The bytes that are unsent now.
   */
  send(data: unknown, options?: PeerSendOptions): number | undefined | void;
  /** Subscribes to a topic of its namespace. */
  subscribe(topic: string): void;
  /** Ends the subscription. */
  unsubscribe(topic: string): void;
  /** Sends a message to all subscribers of a topic of its namespace, except itself. */
  publish(topic: string, data: unknown, options?: PeerSendOptions): void;
  /** Sends a ping. If that fails, the hook `error` is called. @param data At most 125 bytes. */
  ping(data?: unknown): number | undefined | void;
  /** Resolves when few enough bytes are unsent, or the connection is over. */
  waitForDrain(options?: DrainOptions): Promise<void>;
  /** Begins the closing handshake. @param code Default: none is sent. */
  close(code?: number, reason?: string): void;
  /** Drops the connection. */
  terminate(): void;
  /** Its {@link id}. */
  toString(): string;
}

/** A received message. */
export interface Message {
  /** A random UUID, made when it is first read. */
  readonly id: string;
  /** The sender. */
  readonly peer?: Peer | undefined;
  /** Always undefined: there is no event behind it. */
  readonly event?: unknown;
  /** Text as a string, binary as bytes. */
  readonly rawData: unknown;
  /** The message in the form that `peer.websocket.binaryType` asks for. */
  readonly data: unknown;
  /** The message as text. */
  text(): string;
  /** The message parsed as JSON. @throws {SyntaxError} It is no JSON. */
  json<Value = unknown>(): Value;
  /** The message as bytes. */
  uint8Array(): Uint8Array;
  /** The message as a new ArrayBuffer. */
  arrayBuffer(): ArrayBufferLike;
  /** The message as a `Blob` of the runtime. */
  blob(): object;
  /** {@link text}. */
  toString(): string;
}

/** The end of a connection. */
export interface CloseDetails {
  /** The status code of the close frame; 1005 if the frame had none, 1006 if no close frame came. */
  code?: number;
  /** The reason in the close frame. */
  reason?: string;
}

/**
 * The application's hooks for connections. If a hook throws, or its promise rejects, its connection fails with 1011 and the hook
 * `error` is called; without that hook the error is written to the console. Promises are not awaited: hooks of one connection may
 * overlap.
 */
export interface Hooks {
  /**
   * Decides about a request. Default: it is accepted. To refuse it, return or throw a `Response`.
   *
   * @param request May be kept.
   */
  upgrade?(request: HookRequest): Awaitable<UpgradeResult | RuntimeResponse | undefined | void>;
  /** The connection is open. */
  open?(peer: Peer): Awaitable<void>;
  /** A message has come. */
  message?(peer: Peer, message: Message): Awaitable<void>;
  /** The unsent bytes have fallen to the mark, after they were above it. */
  drain?(peer: Peer): Awaitable<void>;
  /** A ping has come; its pong is already sent. */
  ping?(peer: Peer, data: Uint8Array): Awaitable<void>;
  /** A pong has come; not called for pongs that answer the pings of `idleTimeout`. */
  pong?(peer: Peer, data: Uint8Array): Awaitable<void>;
  /** Something went wrong; `close` follows. */
  error?(peer: Peer, error: Error): Awaitable<void>;
  /** The connection is over. */
  close?(peer: Peer, details: CloseDetails): Awaitable<void>;
}

/** Gives hooks for one request, which are called after those of the option `hooks`. */
// oxlint-disable-next-line typescript/no-explicit-any -- frameworks have their own types of requests
export type ResolveHooks = (request: any) => Awaitable<Hooks | undefined | void>;

/** A message on a backplane of `crossws`. */
export interface SyncMessage {
  /** Empty for all namespaces. */
  namespace: string;
  /** The topic in the namespace. */
  topic: string;
  /** The published data. */
  data: string | Uint8Array;
}

/** The backplane's driver on one instance. */
export interface SyncDriver {
  /** Begins to deliver what other instances publish. */
  subscribe(deliver: (message: SyncMessage) => void): Awaitable<void>;
  /** Publishes to the other instances. */
  publish(message: SyncMessage): Awaitable<void>;
  /** Closes the driver. */
  close?(): Awaitable<void>;
}

/** Makes a driver; the functions of `crossws/sync` give such adapters. */
export type SyncAdapter = (about: { id: string }) => SyncDriver;

/** Says which part of a backplane has failed. */
export interface SyncErrorContext {
  /** "subscribe" and "publish" are calls of the driver; "delivery" is the delivery of what other instances have published. */
  stage: "subscribe" | "publish" | "delivery";
}

/** Framewire's own options of a server, except those that say where it listens. */
export type HookServerOptions = Omit<ServeOptions, keyof ListenOptions>;

/** Options of an adapter. */
export interface AdapterOptions {
  /** Hooks of all connections. */
  hooks?: Hooks | undefined;
  /** Gives hooks for each request. */
  resolve?: ResolveHooks | undefined;
  /** Gives the namespace of a request. Default: its path. */
  // oxlint-disable-next-line typescript/no-explicit-any -- as for ResolveHooks
  getNamespace?: ((request: any) => string) | undefined;
  /** Chooses one of the offered subprotocols, if the `upgrade` hook has chosen none. Default: none is chosen. */
  handleProtocols?:
    | ((
        protocols: Set<string>,
        // oxlint-disable-next-line typescript/no-explicit-any -- as for ResolveHooks
        request: any,
      ) => Awaitable<string | false | null | undefined>)
    | undefined;
  /** Seconds between pings; a connection that does not answer before the next ping is dropped. 0 for no pings. Default: 30. */
  idleTimeout?: number | undefined;
  /** Carries publications to other instances. Framewire's own backplanes go into `server.backplane`. Default: none. */
  sync?: SyncAdapter | undefined;
  /** Called when a part of `sync` has failed. Default: the error is written to the console. */
  onError?: ((error: unknown, context: SyncErrorContext) => void) | undefined;
  /**
   * Framewire's own options, such as `maxMessageSize`, `compression`, `trustProxy` and `origins`; they override those above. The
   * defaults are framewire's, except `origins`, which is "any", as with `crossws`.
   */
  server?: HookServerOptions | undefined;
}

/** The members of a `node:http` request that are used. */
export interface UpgradeMessage {
  /** The method, such as "GET". */
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  /** The version, such as "1.1". */
  readonly httpVersion: string;
  /** Alternating names and values. */
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
   * Takes a request from the `upgrade` event of a `node:http` server, on Node, Deno and Bun.
   *
   * @param webRequest The same request as a `Request`, if there is one; hooks get it. Default: a new one.
   * @returns Resolves when the request is decided.
   * @throws {TypeError} `request` is not one of `node:http`.
   * @throws {Error} The socket was given before.
   */
  readonly handleUpgrade: (
    request: UpgradeMessage,
    socket: object,
    head: Uint8Array,
    webRequest?: object,
  ) => Promise<void>;
  /** Closes all connections, or drops them with `force`. New connections are still accepted. */
  readonly closeAll: (code?: number, reason?: string | Uint8Array, force?: boolean) => void;
  /**
   * Ends the adapter: closes all connections and waits for their end, accepts no more, and leaves the backplane.
   *
   * @param code Default: 1001.
   */
  readonly close: (code?: number, reason?: string) => Promise<void>;
  /** The driver of `sync`. */
  readonly sync?: SyncDriver;
}
