/**
 * An echo with Bun's own WebSocket server; compression is off, as by its default. With the argument "broadcast" a message
 * is published to all clients; with "busy" the handler works on after its echo.
 */

import { ready } from "./ready.mjs";
import { thenWork } from "./work.mjs";

const echo = {
  message(ws, message) {
    ws.send(message);
  },
};

const broadcast = {
  open(ws) {
    ws.subscribe("all");
  },
  message(_, message) {
    server.publish("all", message);
  },
};

const handlers = { echo, broadcast, busy: { message: thenWork(echo.message) } };

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response("no upgrade", { status: 400 });
  },
  websocket: handlers[process.argv[2] ?? "echo"],
});
ready(server.port);
