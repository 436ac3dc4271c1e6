/** @fastify/websocket, which imports ws itself: a route, and a test without a network. */
import { once } from "node:events";
import process from "node:process";
import websocket from "@fastify/websocket";
import Fastify from "fastify";

const { WebSocket } = await import(process.argv[2]);

const app = Fastify();
await app.register(websocket);
app.get("/echo", { websocket: true }, (socket, { query }) => {
  socket.on("message", (data) => socket.send(`${query.name}: ${data}`));
});
await app.ready();
const injected = await app.injectWS("/echo?name=injected");
const answer = once(injected, "message");
injected.send("hello");
console.log(String((await answer)[0]));
injected.terminate();
await app.listen({ port: 0, host: "127.0.0.1" });
const ws = new WebSocket(`ws://127.0.0.1:${app.server.address().port}/echo?name=ann`);
await once(ws, "open");
const came = once(ws, "message");
ws.send("hello");
console.log(String((await came)[0]));
const closed = once(ws, "close");
await app.close();
console.log((await closed)[0]);
