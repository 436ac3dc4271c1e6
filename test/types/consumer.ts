/** The built package compiles for a user who has no runtime's types at all, libraries checked. Never run. */
import {
  type Connection,
  ProtocolError,
  rejectConnection,
  route,
  type RouteContexts,
  type Server,
  type ServeOptions,
  type ServerHandlers,
  type UpgradeRequest,
} from "framewire";
import * as auto from "framewire/auto";
import * as bun from "framewire/bun";
import { connect as connectOnWorkers } from "framewire/cloudflare";
import * as deno from "framewire/deno";
import { Endpoint } from "framewire/endpoint";
import { FrameDecoder, OpText } from "framewire/frame";
import { acceptKey, Upgrader } from "framewire/handshake";
import { HeadParser } from "framewire/http";
import { connect as connectOverHttp2, type Http2ClientSession } from "framewire/http2";
import { memoryNetwork, memoryPair } from "framewire/memory";
import * as node from "framewire/node";
import { connect, createServer, type StreamPair, streamsTransport } from "framewire/streams";
import { CloseEvent, WebSocket, type WebSocketClass, webSocketHandlers } from "framewire/websocket";

export const values = [Endpoint, FrameDecoder, OpText, acceptKey, HeadParser, memoryPair];

/** A callback may do nothing but refuse. */
export const upgrader = new Upgrader({
  newContext: () => ({ user: "" }),
  onBeforeUpgrade({ user }) {
    if (user === "") throw rejectConnection({ status: 401 });
  },
});

/** A platform's socket, as its own types have it. */
declare const socket: StreamPair & { readonly opened: Promise<unknown> };
createServer({}, { message: (ws, data) => ws.send(data) }).accept(streamsTransport(socket));
export const client = await connect("ws://localhost/", {
  open: ({ port }) => Object.assign(socket, { port }),
});
export const onWorkers = await connectOnWorkers("wss://localhost/", {
  tls: { serverName: "a.test" },
});
export const inMemory = await memoryNetwork({ seed: 1 }).connect("ws://localhost/");

declare const session: Http2ClientSession;
export const overSession = await connectOverHttp2("wss://localhost/", { session });

for (const { serve } of [auto, bun, deno, node]) {
  await serve<{ user: string }>(
    { port: 0 },
    {
      upgrade(request) {
        if (request.origin === undefined || request.signal.aborted) throw rejectConnection();
        return { context: { user: request.host } };
      },
      async message(ws, data) {
        const user: string = ws.context.user;
        await ws.send(typeof data === "string" ? user + data : data.subarray(1));
      },
      error(ws: Connection<{ user: string }>, error) {
        if (error instanceof ProtocolError && error.code === "MASK_REQUIRED") ws.terminate();
      },
    },
  );
}

/** Whatever makes a server knows the routes' own types: the parameters of a pattern, and the context that `upgrade` returns. */
type Serve = <Context = unknown, Contexts extends object = RouteContexts>(
  options: ServeOptions,
  handlers: ServerHandlers<Context, Contexts>,
) => Server<Context> | Promise<Server<Context>>;

export const servers = {
  auto: auto.serve,
  bun: bun.serve,
  deno: deno.serve,
  node: node.serve,
  memory: memoryNetwork().serve,
  streams: createServer,
} satisfies Record<string, Serve>;

/** One that all of them are: none can be called with what another does not take. */
declare const serveRoutes: (typeof servers)[keyof typeof servers];

await serveRoutes({ port: 0 } as object, {
  routes: {
    // Parameters are typed without a word, and no others are there.
    "/rooms/:room/files/*": {
      upgrade(request) {
        const { room, "*": file }: { readonly room: string; readonly "*": string } = request.params;
        // @ts-expect-error -- a pattern has its own parameters alone
        void request.params.roon;
        if (room === file) throw rejectConnection({ status: 404 });
      },
    },
    "/chat": {
      upgrade(request) {
        // @ts-expect-error -- this one has none
        void request.params.room;
      },
    },
    // An arrow function whose parameter has a type: wherever it stands, the context is known.
    "/before/:room": {
      upgrade: (request: UpgradeRequest<{ readonly room: string }>) => ({
        context: { user: request.params.room },
      }),
      message: (ws) => {
        // @ts-expect-error -- the context is this route's own
        void ws.context.count;
        return ws.send(ws.context.user.toUpperCase());
      },
    },
    "/after": {
      message(ws) {
        // @ts-expect-error -- the context is this route's own
        void ws.context.user;
        return ws.send(ws.context.count.toFixed());
      },
      upgrade: async ({ host }: UpgradeRequest) => ({ context: { count: host.length } }),
    },
    // So it is where it has no parameter, and where a handler says what it takes.
    "/none": { message: (ws) => ws.context.n.toFixed(), upgrade: () => ({ context: { n: 1 } }) },
    "/said/:id": {
      open: (ws: Connection<{ readonly id: string }>) => void ws,
      upgrade: ({ params }) => ({ context: { id: params.id } }),
      message: (ws) => ws.context.id.toUpperCase(),
    },
    "/unlike/:id": {
      open: (ws: Connection<{ readonly id: number }>) => void ws,
      // @ts-expect-error -- the handler takes a number
      upgrade: ({ params }) => ({ context: { id: params.id } }),
    },
    // Else it is unknown, which route() puts right.
    "/unknown/:id": {
      upgrade: ({ params }) => ({ context: { id: params.id } }),
      // @ts-expect-error -- unknown
      message: (ws) => void ws.context.id,
    },
    "/route/:id": route({
      upgrade({ params }) {
        // @ts-expect-error -- through route(), too, a pattern has its own parameters alone
        void params.room;
        return { context: { id: params.id } };
      },
      message(ws) {
        // @ts-expect-error -- the context is this route's own
        void ws.context.user;
        return ws.send(ws.context.id.toUpperCase());
      },
    }),
    // @ts-expect-error -- the pattern has no parameter of that name
    "/other/:id": { upgrade: (request: UpgradeRequest<{ readonly room: string }>) => void request },
    // @ts-expect-error -- no function
    "/typed": { message: 5 },
    "/echo": { message: (ws, data) => ws.send(data) },
  },
});

/** Handlers that stand elsewhere, and patterns that are not known before the program runs. */
const elsewhere = route({
  upgrade: ({ params }) => ({ context: { room: params.room ?? "none" } }),
  message: (ws) => ws.send(ws.context.room),
});
const later: ServerHandlers["routes"] = Object.fromEntries([["/later", elsewhere]]);
await serveRoutes({} as object, { routes: { "/rooms/:room": elsewhere, "/lobby": elsewhere } });
await serveRoutes({} as object, { routes: later });

/** The standard's class, whose events have types of their own where a project has no runtime's. */
export const standard: WebSocketClass = WebSocket;
const feed: WebSocket = new WebSocket("wss://a.test/", ["chat"], { headers: { "X-Key": "k" } });
feed.onmessage = ({ data, origin }) => {
  feed.send(data);
  void origin.length;
};
feed.addEventListener("close", ({ code, reason, wasClean }) => void [code + 1, reason, !wasClean]);
feed.addEventListener("close", { handleEvent: ({ code }) => code });
feed.send(new Uint8Array(1));
// @ts-expect-error -- no such event
feed.addEventListener("opened", () => {});
export const end: number = new CloseEvent("close", { code: 4000 }).code;
export const asHandlers = await node.serve(
  { port: 0 },
  webSocketHandlers((socket, { remoteAddress }) => {
    socket.onmessage = ({ data }) => socket.send(`${data} ${remoteAddress}`);
  }),
);
