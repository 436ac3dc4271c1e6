/** socket.io's server over the class that it is given, and its client: rooms, acknowledgements, binary, compression, reconnecting. */
import { once } from "node:events";
import { createServer } from "node:http";
import process from "node:process";
import { Server } from "socket.io";
import { io } from "socket.io-client";

const { WebSocketServer } = await import(process.argv[2]);

for (const perMessageDeflate of [false, { threshold: 0 }]) {
  const http = createServer();
  const server = new Server(http, { perMessageDeflate, wsEngine: WebSocketServer });
  server.on("connection", (socket) => {
    socket.join("room");
    socket.on("echo", (value, acknowledge) => acknowledge(value));
    socket.on("shout", (value) => server.to("room").emit("heard", value));
    socket.on("drop", () => socket.conn.close());
  });
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const url = `http://127.0.0.1:${http.address().port}`;
  const options = { transports: ["websocket"], reconnectionDelay: 10, forceNew: true };
  const clients = [io(url, options), io(url, options)];
  const each = (event) =>
    Promise.all(clients.map((client) => new Promise((resolve) => client.once(event, resolve))));
  await each("connect");
  const [first, second] = clients;
  const ask = (value) => new Promise((resolve) => first.emit("echo", value, resolve));
  console.log("acknowledged", JSON.stringify(await ask({ text: "ü" })));
  console.log("binary", Buffer.from(await ask(Buffer.from("bytes"))).toString());
  const heard = each("heard");
  first.emit("shout", "x".repeat(2000));
  console.log("room", ...(await heard).map((text) => text.length));
  const again = new Promise((resolve) => second.once("connect", resolve));
  second.emit("drop");
  await again;
  console.log("reconnected");
  for (const client of clients) client.close();
  await new Promise((resolve) => server.close(resolve));
}

const http = createServer();
const server = new Server(http, { wsEngine: WebSocketServer });
http.listen(0, "127.0.0.1");
await once(http, "listening");
const client = io(`http://127.0.0.1:${http.address().port}`);
const isUpgraded = new Promise((resolve) => client.io.engine.once("upgrade", resolve));
await Promise.all([isUpgraded, new Promise((resolve) => client.once("connect", resolve))]);
console.log("from polling to", client.io.engine.transport.name);
client.close();
await new Promise((resolve) => server.close(resolve));
