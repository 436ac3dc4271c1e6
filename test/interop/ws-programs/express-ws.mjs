/** express-ws, which imports ws itself, of version 7. */
import { once } from "node:events";
import process from "node:process";
import express from "express";
import expressWs from "express-ws";

const { WebSocket } = await import(process.argv[2]);

const { app, getWss } = expressWs(express());
app.ws("/echo/:name", (ws, { params }) => {
  ws.on("message", (data) => ws.send(`${params.name}: ${data}`));
});
const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const ws = new WebSocket(`ws://127.0.0.1:${server.address().port}/echo/ann`);
await once(ws, "open");
const came = once(ws, "message");
ws.send("hello");
console.log(String((await came)[0]), getWss().clients.size);
ws.close();
await once(ws, "close");
server.close();
