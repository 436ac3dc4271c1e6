/**
 * A plugin for servers of `srvx`, such as those that h3's `serve` makes.
 *
 * Theory of operation. On Node such a server is one of `node:http`, and the plugin handles its `upgrade` events. On Deno and Bun
 * it would be `Deno.serve` or `Bun.serve`, which give no access to sockets. There the plugin listens instead, and the server's
 * `fetch` answers plain requests.
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

/** The hooks of all connections, together with options of the adapter. */
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

/** The members of a `srvx` server that the plugin uses. */
export interface PluggedServer {
  /** The runtime that it is for. */
  readonly runtime: string;
  /** Its options. */
  readonly options: PortOptions & {
    /** The application. */
    readonly fetch: HookFetch;
    /** Bytes of the body of a plain request, at most. */
    readonly maxRequestBodySize?: number | undefined;
  };
  /** On Node: the server of `node:http`. */
  readonly node?:
    | {
        /** The server. */
        readonly server?:
          | {
              /** Adds a listener. */
              // oxlint-disable-next-line typescript/no-explicit-any -- as in Node's own declaration
              on(event: string, listener: (...values: any[]) => void): unknown;
            }
          | undefined;
      }
    | undefined;
  /** Begins to listen. */
  // oxlint-disable-next-line typescript/no-explicit-any -- it returns itself
  serve(): any;
}

/** The same server, with the members that the plugin changes. */
interface OpenServer {
  serve(): unknown;
  ready(): Promise<unknown>;
  close(closeActiveConnections?: boolean): Promise<void>;
  fetch(request: RuntimeRequest, info: object): RuntimeResponse | Promise<RuntimeResponse>;
  /** Where it would listen, with files and the environment already read. */
  readonly serveOptions?: PortOptions & PortOptions["tls"];
}

/** Gives the options of an adapter. If they contain no hooks, the application is asked for them. */
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

/** Makes the plugin for a runtime. @param listen How to listen there. */
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
    // On a second call the server is already listening.
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

/** Closes the server together with its WebSockets: otherwise it would wait for them for ever. */
function closeWith(server: PluggedServer, open: OpenServer, hookServer: HookServer): void {
  const close = open.close.bind(server);
  open.close = async (all) => {
    await Promise.all([hookServer.close(), close(all)]);
  };
}

/** Listens instead of a server, and makes the members of the server that say where it listens give the right values. */
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

/** Gives where a server would listen, as the server itself has found out. */
function placeOf({ options }: PluggedServer, { serveOptions }: OpenServer): PortOptions {
  const { port, hostname, reusePort, cert, key, passphrase, tls } = serveOptions ?? {};
  return {
    port: port ?? options.port,
    hostname: hostname ?? options.hostname,
    reusePort: reusePort ?? options.reusePort,
    tls: tls ?? { cert, key, passphrase },
  };
}

/** Gives what the runtime's own server passes beside a request: the client's address. */
export function infoOf(runtime: string, { peer }: UpgradeRequest): object {
  const { address = "", port = 0 } = peer;
  if (runtime === "deno") return { remoteAddr: { transport: "tcp", hostname: address, port } };
  const family = address.includes(":") ? "IPv6" : "IPv4";
  return { requestIP: () => ({ address, port, family }) };
}
