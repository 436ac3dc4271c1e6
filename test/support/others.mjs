/**
 * `node|deno|bun test/support/others.mjs <library>`: a server whose handler takes a moment for each message, and answers
 * how many of them it has had at a time. Prints its port. For test/package/comparison.test.ts.
 */

import process from "node:process";

let underWay = 0;
let most = 0;

async function handle() {
  most = Math.max(most, ++underWay);
  await new Promise((resolve) => setTimeout(resolve, 100));
  underWay--;
  return String(most);
}

const libraries = {
  async framewire() {
    const { serve } = await import("framewire/auto");
    const server = await serve(
      { port: 0, compression: true },
      { message: async (ws) => ws.send(await handle()) },
    );
    return server.port;
  },
  async ws() {
    const { WebSocketServer } = await import("ws");
    const server = new WebSocketServer({ port: 0, perMessageDeflate: true });
    server.on("connection", (ws) => {
      ws.on("message", async () => ws.send(await handle()));
    });
    await new Promise((resolve) => server.once("listening", resolve));
    return server.address().port;
  },
  async crossws() {
    const { createServer } = await import("node:http");
    const { default: crossws } = await import("crossws/adapters/node");
    const adapter = crossws({
      hooks: { message: async (peer) => void peer.send(await handle()) },
      serverOptions: { perMessageDeflate: true },
    });
    const server = createServer().on("upgrade", adapter.handleUpgrade);
    await new Promise((resolve) => server.listen(0, resolve));
    return server.address().port;
  },
  bun() {
    const server = Bun.serve({
      port: 0,
      fetch: (request, server) => void server.upgrade(request),
      websocket: {
        perMessageDeflate: true,
        message: async (ws) => void ws.send(await handle()),
      },
    });
    return server.port;
  },
  deno() {
    const server = Deno.serve({ port: 0, onListen() {} }, (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = async () => socket.send(await handle());
      return response;
    });
    return server.addr.port;
  },
};

console.log(`port ${await libraries[process.argv[2]]()}`);
