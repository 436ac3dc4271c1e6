/**
 * A server of its own: an application by its `fetch`, and hooks.
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
  /** The application, which answers plain requests; without hooks in `websocket` it gives those of each connection. */
  readonly fetch: HookFetch;
  /** Hooks of all connections, and options of the adapter. Default: the application is asked. */
  readonly websocket?: PluginOptions | undefined;
  /** Bytes that the body of a plain request may have. Default: no limit. */
  readonly maxRequestBodySize?: number | undefined;
}

/** A server that listens, or is about to. */
export interface RunningServer {
  /** Where it listens; undefined until {@link ready} has resolved. */
  readonly url: string | undefined;
  /** What crossws's own adapters have: `peers`, `publish`, `closeAll`. */
  readonly websocket: HookAdapter;
  /** Framewire's own: counters, `shutdown()`, `unref()`. */
  readonly server: Server;
  /** Resolves when it listens. */
  ready(): Promise<RunningServer>;
  /** Closes all connections, and listens no more. */
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
