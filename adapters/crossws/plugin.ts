/**
 * A plugin for servers of `srvx`, which `serve` of h3 makes.
 *
 * Theory of operation. On Node such a server is one of `node:http`, whose `upgrade` events are taken. On Deno and Bun it would be
 * `Deno.serve` or `Bun.serve`, which give nobody a socket: there the plugin listens in its place, and has it answer the plain requests.
 *
 * @module
 */

import type { Listen } from "../../src/transport.ts";
import type { UpgradeRequest } from "../../src/handshake/server/upgrade-request.ts";
import type { RuntimeRequest, RuntimeResponse } from "../../src/connection/http/fetch.ts";
import { HookServer } from "./adapter.ts";
import { hasHooks, type HookFetch, hooksByFetch, hooksOf } from "./fetch-hooks.ts";
import { listenOptionsOf, type PortOptions, urlOf } from "./port.ts";
import type { AdapterOptions, Hooks, UpgradeMessage } from "./types.ts";

/** Hooks of all connections, and options of the adapter beside them. */
export interface PluginOptions extends Hooks, Omit<AdapterOptions, "hooks"> {
  /** Further options of the adapter, by runtime. */
  readonly options?:
    | {
        /** On Node. */
        readonly node?: AdapterOptions | undefined;
        /** On Deno. */
        readonly deno?: AdapterOptions | undefined;
        /** On Bun. */
        readonly bun?: AdapterOptions | undefined;
      }
    | undefined;
}

/** A server of `srvx`, as far as the plugin uses it. */
export interface PluggedServer {
  /** Which runtime it is for. */
  readonly runtime: string;
  /** What it was made with. */
  readonly options: PortOptions & {
    /** The application. */
    readonly fetch: HookFetch;
    /** Bytes that the body of a plain request may have. */
    readonly maxRequestBodySize?: number | undefined;
  };
  /** On Node: the server of `node:http`. */
  readonly node?:
    | {
        /** It. */
        readonly server?:
          | {
              /** Adds a listener. */
              // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as Node's own declaration has it
              on(event: string, listener: (...values: any[]) => void): unknown;
            }
          | undefined;
      }
    | undefined;
  /** Begins to listen. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- it gives itself
  serve(): any;
}

/** The same, as the plugin changes it. */
interface OpenServer {
  serve(): unknown;
  ready(): Promise<unknown>;
  close(closeActiveConnections?: boolean): Promise<void>;
  fetch(request: RuntimeRequest, info: object): RuntimeResponse | Promise<RuntimeResponse>;
  /** Where it would listen, files read and the environment asked. */
  readonly serveOptions?: PortOptions & PortOptions["tls"];
}

/** Gives the options of an adapter, which asks the application for hooks where it is given none. */
export function adapterOptionsOf(
  { options: byRuntime, ...options }: PluginOptions,
  runtime: string,
  fetch: HookFetch,
): AdapterOptions {
  const { resolve, getNamespace, handleProtocols, idleTimeout, sync, onError, server } = options;
  const asks = resolve === undefined && !hasHooks(options);
  return {
    hooks: hooksOf(options),
    resolve: asks ? hooksByFetch(fetch) : resolve,
    getNamespace,
    handleProtocols,
    idleTimeout,
    sync,
    onError,
    server,
    ...byRuntime?.[runtime as "node" | "deno" | "bun"],
  };
}

/** Makes the plugin of a runtime. @param listen How to listen there. */
export function pluginOn(
  listen: Listen,
): (options?: PluginOptions) => (server: PluggedServer) => void {
  return (options = {}) =>
    (server) => {
      const { runtime } = server;
      const adapter = adapterOptionsOf(options, runtime, server.options.fetch);
      const open = server as unknown as OpenServer;
      if (runtime === "node") takeUpgrades(server, open, adapter);
      else if (runtime === "deno" || runtime === "bun") takePort(server, open, adapter, listen);
      else throw new TypeError(`framewire/crossws runs on Node, Deno and Bun, not on ${runtime}`);
    };
}

function takeUpgrades(server: PluggedServer, open: OpenServer, options: AdapterOptions): void {
  const hookServer = new HookServer(options);
  const serve = open.serve.bind(server);
  let isListening = false;
  open.serve = () => {
    // A second call finds the server listening.
    if (!isListening) {
      isListening = true;
      server.node?.server?.on(
        "upgrade",
        (req: UpgradeMessage & { socket: object }, socket: object, head: Uint8Array) => {
          const runtime = { name: "node", node: { req, upgrade: { socket, head } } };
          void hookServer.handleUpgrade(req, socket, head, undefined, runtime);
        },
      );
    }
    return serve();
  };
  closeWith(server, open, hookServer);
}

/** The server is closed with its WebSockets: it would wait for them for ever. */
function closeWith(server: PluggedServer, open: OpenServer, hookServer: HookServer): void {
  const close = open.close.bind(server);
  open.close = async (all) => {
    await Promise.all([hookServer.close(), close(all)]);
  };
}

/** Listens in a server's place. What it is asked about where it listens is answered here. */
function takePort(
  server: PluggedServer,
  open: OpenServer,
  options: AdapterOptions,
  listen: Listen,
): void {
  const { runtime } = server;
  let hookServer: HookServer | undefined;
  let isReady = false;
  let isEncrypted = false;
  open.serve = () => {
    if (hookServer !== undefined) return open.ready();
    const place = listenOptionsOf(placeOf(server, open));
    isEncrypted = place.tls !== undefined;
    const { maxRequestBodySize = Infinity } = server.options;
    hookServer = new HookServer(options, {
      listen,
      options: place,
      runtime,
      fetch: (request, asked) => open.fetch(request, infoOf(runtime, asked)),
      maxBodySize: maxRequestBodySize,
    });
    closeWith(server, open, hookServer);
    return open.ready();
  };
  open.ready = async () => {
    await hookServer?.server.listening;
    isReady = hookServer !== undefined;
    return server;
  };
  Object.defineProperty(server, "url", {
    configurable: true,
    get() {
      if (!isReady) return undefined;
      const { hostname, port } = hookServer!.server;
      return urlOf(hostname, port, isEncrypted);
    },
  });
}

/** Gives where a server would listen, as it has found out itself. */
function placeOf({ options }: PluggedServer, { serveOptions }: OpenServer): PortOptions {
  const { port, hostname, reusePort, cert, key, passphrase, tls } = serveOptions ?? {};
  return {
    port: port ?? options.port,
    hostname: hostname ?? options.hostname,
    reusePort: reusePort ?? options.reusePort,
    tls: tls ?? { cert, key, passphrase },
  };
}

/** Gives what the runtime's own server tells beside a request: who asks. */
export function infoOf(runtime: string, { peer }: UpgradeRequest): object {
  const { address = "", port = 0 } = peer;
  if (runtime === "deno") return { remoteAddr: { transport: "tcp", hostname: address, port } };
  const family = address.includes(":") ? "IPv6" : "IPv4";
  return { requestIP: () => ({ address, port, family }) };
}
