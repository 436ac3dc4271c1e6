/**
 * An echo with Deno's own WebSocket server; with the argument "broadcast" a message goes to all clients.
 */

import process from "node:process";
import { ready } from "./ready.mjs";

const sockets = new Set();

function broadcast(data) {
  for (const socket of sockets) if (socket.readyState === WebSocket.OPEN) socket.send(data);
}

const isBroadcast = process.argv[2] === "broadcast";
const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
  const { socket, response } = Deno.upgradeWebSocket(request);
  socket.binaryType = "arraybuffer";
  if (isBroadcast) {
    socket.onopen = () => sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    socket.onmessage = ({ data }) => broadcast(data);
  } else {
    socket.onmessage = ({ data }) => socket.send(data);
  }
  socket.onerror = () => {};
  return response;
});
ready(server.addr.port);
