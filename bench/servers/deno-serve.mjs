/**
 * An echo with Deno's own WebSocket server; with the argument "broadcast" a message goes to all clients; with
 * "busy" the handler works on after its echo.
 */

import process from "node:process";
import { ready } from "./ready.mjs";
import { thenWork } from "./work.mjs";

const sockets = new Set();

function broadcast(data) {
  for (const socket of sockets) if (socket.readyState === WebSocket.OPEN) socket.send(data);
}

const [kind = "echo"] = process.argv.slice(2);
const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  const echo = ({ data }) => socket.send(data);
  if (kind === "broadcast") {
    socket.onopen = () => sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    socket.onmessage = ({ data }) => broadcast(data);
  } else {
    socket.onmessage = kind === "busy" ? thenWork(echo) : echo;
  }
  socket.onerror = () => {};
  return response;
});
ready(server.addr.port);
