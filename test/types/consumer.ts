/** The built package compiles for a user who has no runtime's types at all, libraries checked. Never run. */
import { type Connection, ProtocolError, rejectConnection } from "framewire";
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
export const client = await connect("ws://localhost/", { open: ({ port }) => (void port, socket) });
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
