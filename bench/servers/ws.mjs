/**
 * A server with npm's `ws`, as its documentation shows it; compression is off, as by its default. On Bun it is Bun's own
 * imitation that has this name. With the argument "framewire" the class is that of `framewire/ws`, and nothing else is
 * different; with "bufferutil" `ws` masks by native code, which it takes where that is installed; with "broadcast" a message
 * goes to all clients rather than back; with "busy" the handler works on after its echo.
 */

import { createRequire } from "node:module";
import process from "node:process";
import { ready } from "./ready.mjs";
import { thenWork } from "./work.mjs";

const asked = process.argv.slice(2);
if (!asked.includes("bufferutil")) {
  process.env.WS_NO_BUFFER_UTIL = "1";
} else if (!String(createRequire(import.meta.url)("bufferutil").unmask).includes("[native code]")) {
  throw new Error("bufferutil has no native code for this system");
}
const { WebSocket, WebSocketServer } = await import(
  asked.includes("framewire") ? "framewire/ws" : "ws"
);

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" }, () => {
  ready(server.address().port);
});

function broadcast(data, isBinary) {
  for (const client of server.clients) {
    if (client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
  }
}

server.on("connection", (ws) => {
  const echo = (data, isBinary) => ws.send(data, { binary: isBinary });
  ws.on("error", () => {});
  if (asked.includes("broadcast")) ws.on("message", broadcast);
  else ws.on("message", asked.includes("busy") ? thenWork(echo) : echo);
});
