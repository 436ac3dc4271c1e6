/**
 * An echo with Bun's own WebSocket server; compression is off, as by its default.
 */

import { ready } from "./ready.mjs";

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("no upgrade", { status: 400 });
  },
  websocket: {
    message(ws, message) {
      ws.send(message);
    },
  },
});
ready(server.port);
