/**
 * An adapter with the interface of `crossws`: it calls hooks for the connections of a server of the core.
 *
 * Theory of operation. There is one server. It listens itself, or gets the sockets of an HTTP server's `upgrade` events. It does
 * the handshake, and calls the application's hooks in its own `upgrade` hook; a connection's `context` is its peer. The server's
 * handlers call the hooks of the adapter, and then those of the peer's request (peer-handlers.ts).
 *
 * @module
 */

import { kindOf } from "../../src/arguments.ts";
import {
  anything,
  callback,
  checkOptions,
  type Kind,
  number,
  object,
  type OptionTable,
} from "../../src/check-options.ts";
import type { FetchHandler } from "../../src/connection/http/fetch.ts";
import type { Refusal, ServerHandlers, Upgrade } from "../../src/connection/handlers.ts";
import { prepareMessage } from "../../src/connection/send/prepare.ts";
import { Server, type ServeOptions } from "../../src/connection/server/serve.ts";
import { writeRequest } from "../../src/handshake/server/http-upgrader.ts";
import type { UpgradeRequest } from "../../src/handshake/server/upgrade-request.ts";
import { StatusGoingAway } from "../../src/status.ts";
import type { Listen, ListenOptions } from "../../src/transport.ts";
import { type ForeignSocket, socketTransport } from "../node/socket.ts";
import { runtimeServices } from "../runtime-services.ts";
import { decide } from "./decide.ts";
import { Namespaces, topicName } from "./namespaces.ts";
import { Opening } from "./opening.ts";
import { outgoingOf } from "./outgoing.ts";
import type { HookPeer, PeerOwner } from "./peer.ts";
import { failPeer, peerHandlers } from "./peer-handlers.ts";
import { Sync } from "./sync.ts";
import type {
  AdapterOptions,
  HookAdapter,
  HookRequest,
  Peer,
  PeerSendOptions,
  SyncMessage,
  UpgradeMessage,
} from "./types.ts";

const defaultIdleSeconds = 30;

/** Options of `crossws` for the server of `ws` that it uses on Node: here they are refused. */
const ofWs: Kind = {
  ...anything,
  look(_, name) {
    throw new TypeError(
      `${name} is for the server of ws: give framewire's own options as server, such as { server: { maxMessageSize: 1024 } }`,
    );
  },
};

const adapterTable: OptionTable<Required<AdapterOptions> & Record<"wss" | "serverOptions", never>> =
  /* @__PURE__ */ (() => ({
    hooks: object("an object such as { message: (peer, message) => peer.send(message.text()) }"),
    resolve: callback,
    getNamespace: callback,
    handleProtocols: callback,
    idleTimeout: number,
    sync: callback,
    onError: callback,
    server: object("an object such as { maxMessageSize: 1024 }"),
    wss: ofWs,
    serverOptions: ofWs,
  }))();

/** Where a server listens itself, and how it answers plain requests. */
export interface OwnPort {
  readonly listen: Listen;
  readonly options: ListenOptions;
  /** The runtime's name, which frameworks look for. */
  readonly runtime: string;
  readonly fetch: FetchHandler;
  /** Bytes of the body of a plain request, at most, unless the options of the server say otherwise. */
  readonly maxBodySize: number;
}

/** Sockets that were upgraded or refused. */
const taken = new WeakSet<object>();

/** The members of a socket that are checked before it is taken over. */
interface UpgradeSocket {
  readonly readable: boolean;
  readonly writable: boolean;
  destroy(): void;
}

/** A request that other code has parsed, while the server takes it. */
interface HandedOver {
  readonly request: HookRequest | undefined;
  /** The value of `request.runtime` for frameworks, if the request has none. */
  readonly runtime: object | undefined;
  /** The decision of the hooks, once they have been called. */
  decision?: Promise<unknown>;
}

/** The adapter itself; applications get the object that {@link adapterOf} makes of it. */
export class HookServer implements PeerOwner {
  readonly server: Server<HookPeer>;
  readonly namespaces: Namespaces = new Namespaces();
  readonly sync: Sync | undefined;
  readonly #options: AdapterOptions;
  readonly #runtime: object | undefined;
  #handedOver: HandedOver | undefined;

  constructor(options: AdapterOptions, port?: OwnPort) {
    checkOptions(options, adapterTable, {
      example: "crossws({ hooks: { message: (peer, message) => peer.send(message.text()) } })",
    });
    this.#options = options;
    this.#runtime = port && { name: port.runtime };
    const handlers: ServerHandlers<HookPeer> = {
      ...peerHandlers(options.hooks, this.namespaces),
      upgrade: (request) => this.#upgrade(request),
      ...(port && { fetch: port.fetch }),
    };
    const all = {
      ...(port && { maxBodySize: port.maxBodySize }),
      ...serveOptions(options),
      ...port?.options,
    };
    this.server = new Server<HookPeer>(all, handlers, runtimeServices());
    if (port !== undefined) this.server.listen(port.listen, all);
    if (options.sync !== undefined) {
      this.sync = new Sync(options.sync, options.onError, ({ namespace, topic, data }) => {
        this.#deliver(topic, data, namespace, true);
      });
    }
  }

  peersOf(namespace: string): Set<Peer> {
    return this.namespaces.of(namespace);
  }

  carry(message: SyncMessage): void {
    this.sync?.publish(message);
  }

  failed(peer: HookPeer, error: unknown): void {
    failPeer(peer, error);
  }

  /** Sends a message to all subscribers of a topic, on this instance and on others. */
  publish(
    topic: string,
    data: unknown,
    { namespace = "", compress = true }: PeerSendOptions & { namespace?: string } = {},
  ): void {
    const outgoing = outgoingOf(data);
    this.#deliver(topic, outgoing, namespace, compress);
    this.carry({ namespace, topic, data: outgoing });
  }

  /** Takes a request that an HTTP server has parsed. @param runtime The value of `request.runtime` for frameworks. */
  async handleUpgrade(
    request: UpgradeMessage,
    socket: object,
    head: Uint8Array,
    webRequest?: object,
    runtime?: object,
  ): Promise<void> {
    if (!Array.isArray((request as Partial<UpgradeMessage> | undefined)?.rawHeaders)) {
      throw new TypeError(
        `handleUpgrade takes what node:http tells by "upgrade": (request, socket, head), and not ${kindOf(request)}. Sockets of Deno.serve() and Bun.serve() cannot be taken over: use plugin() or serve()`,
      );
    }
    if (taken.has(socket)) {
      throw new Error(
        "handleUpgrade was called twice with one socket: one upgrade listener is enough",
      );
    }
    // The client has gone, or other code has answered it.
    const { readable, writable, destroy } = socket as UpgradeSocket;
    if (!readable || !writable) {
      destroy.call(socket);
      return;
    }
    taken.add(socket);
    const handedOver: HandedOver = { request: webRequest as HookRequest | undefined, runtime };
    // If the head is whole, it is checked and the hook is called before `accept` returns.
    this.#handedOver = handedOver;
    try {
      this.server.accept(socketTransport(socket as ForeignSocket), writeRequest(request, head));
    } finally {
      this.#handedOver = undefined;
    }
    await handedOver.decision?.catch(() => {});
  }

  /** Closes all connections. */
  closeAll(code?: number, reason?: string | Uint8Array, force = false): void {
    const text = reason instanceof Uint8Array ? new TextDecoder().decode(reason) : reason;
    for (const { context } of this.server.connections) {
      if (force) context.terminate();
      else context.close(code, text);
    }
  }

  /** Ends the adapter. */
  async close(code: number = StatusGoingAway, reason = ""): Promise<void> {
    await this.server.shutdown({ status: code as typeof StatusGoingAway, reason });
    await this.sync?.driver.close?.();
  }

  #upgrade(asked: UpgradeRequest): Promise<Upgrade<HookPeer> | Refusal> {
    const handedOver = this.#handedOver;
    const { request, runtime = this.#runtime } = handedOver ?? {};
    const decision = decide(this.#options, new Opening(asked, request, runtime), this);
    if (handedOver !== undefined) handedOver.decision = decision;
    return decision;
  }

  #deliver(topic: string, data: string | Uint8Array, namespace: string, compress: boolean): void {
    const message = prepareMessage(data, { compress });
    const spaces = namespace === "" ? this.namespaces.all.keys() : [namespace];
    for (const space of spaces) this.server.publish(topicName(space, topic), message);
  }
}

/** Gives the core's options. */
function serveOptions({ idleTimeout = defaultIdleSeconds, server }: AdapterOptions): ServeOptions {
  const milliseconds = idleTimeout > 0 ? idleTimeout * 1000 : Infinity;
  return {
    origins: "any",
    pingInterval: milliseconds,
    pongTimeout: milliseconds,
    ...server,
  };
}

/** Gives the object for applications: its functions need no `this`, since frameworks pass them on. */
export function adapterOf(hookServer: HookServer): HookAdapter {
  const { namespaces, sync } = hookServer;
  return {
    peers: namespaces.all,
    publish: hookServer.publish.bind(hookServer),
    handleUpgrade: hookServer.handleUpgrade.bind(hookServer),
    closeAll: hookServer.closeAll.bind(hookServer),
    close: hookServer.close.bind(hookServer),
    ...(sync && { sync: sync.driver }),
  };
}

/**
 * Makes an adapter for HTTP servers of `node:http`, on Node, Deno and Bun.
 *
 * @typeParam PeerType The type that the program gives peers. Default: {@link Peer}.
 *
 * @example
 * const ws = crossws({ hooks: { message: (peer, message) => peer.send(message.text()) } });
 * httpServer.on("upgrade", ws.handleUpgrade);
 *
 * @throws {TypeError} An option of `server` is unknown or has a wrong type.
 * @throws {RangeError} An option is out of range.
 */
export function crossws<PeerType = Peer>(options: AdapterOptions = {}): HookAdapter<PeerType> {
  return adapterOf(new HookServer(options)) as unknown as HookAdapter<PeerType>;
}
