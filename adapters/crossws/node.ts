/**
 * The interface of `crossws` on Node: hooks, peers and messages, so that h3 and Nitro run on framewire.
 *
 * @example
 * import { H3, serve, defineWebSocketHandler } from "h3";
 * import { plugin as ws } from "framewire/crossws";
 *
 * const app = new H3().get("/_ws", defineWebSocketHandler({ message: (peer, message) => peer.send(message.text()) }));
 * serve(app, { plugins: [ws()] });
 *
 * @module framewire/crossws
 */

import { listenTransport } from "../node/listen.ts";
import { type PluggedServer, type PluginOptions, pluginOn } from "./plugin.ts";
import { type Serve, serveOn } from "./serve.ts";

export { crossws, crossws as default } from "./adapter.ts";
export type { HookFetch } from "./fetch-hooks.ts";
export type { PluggedServer, PluginOptions } from "./plugin.ts";
export type { PortOptions } from "./port.ts";
export type { HookServeOptions, RunningServer, Serve } from "./serve.ts";
export type {
  AdapterOptions,
  CloseDetails,
  DrainOptions,
  HookAdapter,
  HookRequest,
  Hooks,
  HookServerOptions,
  Message,
  Peer,
  PeerSendOptions,
  PeerWebSocket,
  ResolveHooks,
  SyncAdapter,
  SyncDriver,
  SyncErrorContext,
  SyncMessage,
  UpgradeMessage,
  UpgradeResult,
} from "./types.ts";

/** Makes a plugin for a server of `srvx`, such as the one that h3's `serve` makes: `serve(app, { plugins: [plugin()] })`. */
export const plugin: (options?: PluginOptions) => (server: PluggedServer) => void =
  /* @__PURE__ */ pluginOn(listenTransport);

/**
 * Serves an application and its WebSockets on one port of framewire's own server.
 *
 * @example
 * const server = await serve({ port: 8080, fetch: app.fetch }).ready();
 *
 * @throws {TypeError} An option is unknown or has a wrong type.
 * @throws {RangeError} An option is out of range.
 */
export const serve: Serve = /* @__PURE__ */ serveOn(listenTransport, "node");
