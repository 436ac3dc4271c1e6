/**
 * Serves an application, given as `fetch`, and its hooks on framewire's own server.
 *
 * @module
 */

import type { FetchHandler } from "../../src/connection/http/fetch.ts";
import type { Server } from "../../src/connection/server/serve.ts";
import type { Listen } from "../../src/transport.ts";
import { adapterOf, HookServer } from "./adapter.ts";
import type { HookFetch } from "./fetch-hooks.ts";
import { adapterOptionsOf, type PluginOptions } from "./plugin.ts";
import { listenOptionsOf, type PortOptions, urlOf } from "./port.ts";
import type { HookAdapter } from "./types.ts";

/** Options of {@link Serve}. */
export interface HookServeOptions extends PortOptions {
  /** The application. It answers plain requests, and, if `websocket` has no hooks, gives the hooks of each connection. */
  readonly fetch: HookFetch;
  /** Hooks of all connections, and options of the adapter. Default: the application is asked for hooks. */
  readonly websocket?: PluginOptions | undefined;
  /** Bytes of the body of a plain request, at most. Default: no limit. */
  readonly maxRequestBodySize?: number | undefined;
}

/** A server that listens, or is about to listen. */
export interface RunningServer {
  /** The URL on which it listens; undefined until {@link ready} has resolved. */
  readonly url: string | undefined;
  /** The members of crossws's own adapters: `peers`, `publish`, `closeAll`. */
  readonly websocket: HookAdapter;
  /** Framewire's server, with counters, `shutdown()` and `unref()`. */
  readonly server: Server;
  /** Resolves when the server listens. */
  ready(): Promise<RunningServer>;
  /** Closes all connections, and stops listening. */
  close(): Promise<void>;
}

/** Serves an application and its WebSockets on one port. */
export type Serve = (options: HookServeOptions) => RunningServer;

/** Makes the `serve` of a runtime. @param listen How to listen there. */
export function serveOn(listen: Listen, runtime: string): Serve {
  return ({ fetch, websocket = {}, maxRequestBodySize = Infinity, ...place }) => {
    const listenOptions = listenOptionsOf(place);
    const hookServer = new HookServer(adapterOptionsOf(websocket, runtime, fetch), {
      listen,
      options: listenOptions,
      runtime,
      fetch: fetch as FetchHandler,
      maxBodySize: maxRequestBodySize,
    });
    const { server } = hookServer;
    let isReady = false;
    const running: RunningServer = {
      get url() {
        const { hostname, port } = server;
        return isReady ? urlOf(hostname, port, listenOptions.tls !== undefined) : undefined;
      },
      websocket: adapterOf(hookServer),
      server: server as Server,
      async ready() {
        await server.listening;
        isReady = true;
        return running;
      },
      close: () => hookServer.close(),
    };
    return running;
  };
}
