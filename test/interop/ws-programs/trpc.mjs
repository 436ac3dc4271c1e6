/** tRPC 11 over WebSockets: a query, a subscription, its keepalive. */
import { once } from "node:events";
import process from "node:process";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { initTRPC } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";

const { WebSocket, WebSocketServer } = await import(process.argv[2]);

const { router: newRouter, procedure } = initTRPC.create();
const router = newRouter({
  hello: procedure.query(() => "world"),
  count: procedure.subscription(async function* () {
    yield* [1, 2, 3];
  }),
});
const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
await once(wss, "listening");
applyWSSHandler({ wss, router, keepAlive: { enabled: true, pingMs: 20, pongWaitMs: 5000 } });
const url = `ws://127.0.0.1:${wss.address().port}`;
const wsClient = createWSClient({ url, WebSocket });
const client = createTRPCClient({ links: [wsLink({ client: wsClient })] });
console.log(await client.hello.query());
await new Promise((resolve, reject) => {
  client.count.subscribe(undefined, {
    onData: (count) => console.log(count),
    onComplete: resolve,
    onError: reject,
  });
});
await wsClient.close();
await new Promise((resolve) => wss.close(resolve));
