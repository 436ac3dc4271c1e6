/**
 * The library's own servers, of the built package with its defaults: the same file on every runtime. The first argument
 * says which: "echo", which is examples/echo; "loop", which asks for its messages; "compressed", an echo with compression;
 * "broadcast", where a message goes to all connections; "busy", whose handler works on after it has sent its echo;
 * "websocket", where each connection is a WebSocket of the standard's.
 */

import process from "node:process";
import { serve } from "framewire/auto";
import { webSocketHandlers } from "framewire/websocket";
import { ready } from "./ready.mjs";
import { thenWork } from "./work.mjs";

async function echoInLoop(ws) {
  for await (const data of ws) await ws.send(data);
}

function echoOfStandard(ws) {
  ws.binaryType = "arraybuffer";
  ws.onmessage = ({ data }) => ws.send(data);
}

const echo = { message: (ws, data) => ws.send(data) };

/** The handlers, and the options where there are any. */
const servers = {
  echo: [echo],
  loop: [{ open: echoInLoop }],
  broadcast: [{ message: (_, data) => void server.broadcast(data) }],
  busy: [{ message: thenWork(echo.message) }],
  websocket: [webSocketHandlers(echoOfStandard)],
  compressed: [echo, { compression: true }],
};

const [handlers, options] = servers[process.argv[2] ?? "echo"];
const server = await serve({ port: 0, hostname: "127.0.0.1", ...options }, handlers);
ready(server.port);
