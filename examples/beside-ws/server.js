// Two WebSocket libraries on one HTTP server, by path: `node examples/beside-ws/server.js`.
import { EventEmitter, once } from "node:events";
import { createServer } from "node:http";
import process from "node:process";
import { serve } from "framewire/node";
import { WebSocketServer } from "ws";

const server = createServer((_, response) => void response.end("plain\n"));

const others = new WebSocketServer({ noServer: true });
others.on("connection", (ws) => ws.send("ws"));

// What framewire needs of a server: its events, and its address. So it gets the requests that are passed on, no others.
const upgrades = Object.assign(new EventEmitter(), { address: () => server.address(), close() {} });
const sockets = await serve({ server: upgrades }, { open: (ws) => void ws.send("framewire") });

server.on("upgrade", (request, socket, head) => {
  if (request.url?.startsWith("/others/")) {
    others.handleUpgrade(request, socket, head, (ws) => others.emit("connection", ws, request));
  } else if (!upgrades.emit("upgrade", request, socket, head)) {
    socket.destroy(); // framewire has been shut down
  }
});
await once(server.listen(Number(process.env.PORT ?? 8080)), "listening");
console.log(`ws and framewire on http://localhost:${sockets.port}`);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    server.close(); // accepts nobody any more
    for (const ws of others.clients) ws.close(1001);
    await sockets.shutdown({ deadline: 2000 });
  });
}
