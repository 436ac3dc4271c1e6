/** Node's own types fit what the adapter says of them. Compiled with them alone; never run. */
import type { ClientHttp2Session, ServerHttp2Stream } from "node:http2";
import { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { UpgradeRequest } from "../../src/index.ts";
import {
  type NodeSocket,
  NodeTransport,
  connectTransport,
  serve,
} from "../../adapters/node/index.ts";
import type { Http2ServerStream } from "../../adapters/http2/transport.ts";
import type { Http2ClientSession } from "../../adapters/http2/index.ts";
import type { Connect } from "../../src/transport.ts";
import type { AdapterInstance, AdapterOptions, Hooks } from "crossws";
import type { NodeAdapter } from "crossws/adapters/node";
import type { Server, ServerPlugin } from "srvx";
import { crossws, plugin, serve as serveHooks } from "../../adapters/crossws/node.ts";

/** Where a runtime's types are at hand, a request's query is the runtime's own class. */
export const query = (request: UpgradeRequest): URLSearchParams => request.query;

/** So is the signal, which other calls of the runtime take. */
export const signal = (request: UpgradeRequest): AbortSignal => request.signal;

export const fits: NodeSocket = new Socket({ allowHalfOpen: true });
export const transport: NodeTransport = new NodeTransport(fits);
export const server: { readonly port: number } = await serve({ port: 0 }, {});
export const connects: Connect = connectTransport;
export const length: number = await connectTransport(
  { hostname: "localhost", port: 1, tls: {}, signal: new AbortController().signal },
  (connected) => connected.remoteAddress?.length ?? 0,
);

declare const tlsSocket: TLSSocket;
export const fitsToo: NodeSocket = tlsSocket;

declare const session: ClientHttp2Session;
export const sessionFits: Http2ClientSession = session;
declare const stream: ServerHttp2Stream;
export const streamFits: Http2ServerStream = stream;

/** Hooks that are written with the types of crossws are taken, and its adapters are what they are given. */
declare const hooks: Partial<Hooks>;
declare const adapterOptions: AdapterOptions;
export const instance: AdapterInstance = crossws({ hooks });
export const adapter: NodeAdapter = crossws(adapterOptions);
export const plugs: ServerPlugin = plugin(hooks);
declare const srvxServer: Server;
plugin({ resolve: () => hooks })(srvxServer);
export const running: { readonly url: string | undefined } = await serveHooks({
  fetch: srvxServer.options.fetch,
  websocket: hooks,
}).ready();

/** So are those that are written with framewire's own. */
crossws({
  hooks: {
    upgrade: (request) => ({ context: { agent: request.headers.get("user-agent") } }),
    async message(peer, message) {
      const { text } = message.json<{ readonly text: string }>();
      const agent: unknown = peer.context["agent"];
      peer.send({ text, agent }, { compress: false });
      peer.websocket.close?.(4000);
    },
    close: (_, { code }) => void code?.toFixed(),
  },
});
