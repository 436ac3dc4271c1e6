/** partysocket and reconnecting-websocket, given the class: both come back when the server drops them. */
import { once } from "node:events";
import process from "node:process";
import { WebSocket as PartySocket } from "partysocket";
import reconnecting from "reconnecting-websocket";

const { WebSocket, WebSocketServer } = await import(process.argv[2]);

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
await once(server, "listening");
server.on("connection", (ws) => {
  ws.on("message", (data, binary) => {
    if (String(data) === "drop") ws.terminate();
    else ws.send(data, { binary });
  });
});
const url = `ws://127.0.0.1:${server.address().port}`;
for (const Class of [PartySocket, reconnecting.default ?? reconnecting]) {
  const options = { WebSocket, minReconnectionDelay: 10, maxReconnectionDelay: 20 };
  const client = new Class(url, [], options);
  const next = (event) =>
    new Promise((resolve) => client.addEventListener(event, resolve, { once: true }));
  const ask = async (text) => {
    const came = next("message");
    client.send(text);
    return (await came).data;
  };
  await next("open");
  const first = await ask("one");
  const again = next("open");
  client.send("drop");
  await again;
  console.log(first, await ask("two"));
  const closed = next("close");
  client.close(1000, "bye");
  console.log((await closed).code);
}
server.close();
