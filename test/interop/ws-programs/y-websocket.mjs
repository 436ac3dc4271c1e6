/** Two documents of Yjs that converge, by y-websocket's clients and a server that passes on what comes. */
import { once } from "node:events";
import process from "node:process";
import { setImmediate } from "node:timers";
import { WebsocketProvider } from "y-websocket";
import { Doc } from "yjs";

const { WebSocket, WebSocketServer } = await import(process.argv[2]);

const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
await once(server, "listening");
server.on("connection", (ws) => {
  ws.on("message", (data) => {
    for (const other of server.clients) {
      if (other !== ws && other.readyState === WebSocket.OPEN) other.send(data);
    }
  });
});
const url = `ws://127.0.0.1:${server.address().port}`;
const docs = [new Doc(), new Doc()];
const providers = docs.map(
  (doc) =>
    new WebsocketProvider(url, "room", doc, { WebSocketPolyfill: WebSocket, disableBc: true }),
);
const isConnected = (provider) =>
  new Promise((resolve) => {
    provider.on("status", ({ status }) => status === "connected" && resolve());
  });
await Promise.all(providers.map(isConnected));
const texts = docs.map((doc) => doc.getText("text"));
const converged = new Promise((resolve) => {
  const look = () => {
    const [one, other] = texts.map(String);
    if (one === other && one.length === 10) resolve();
  };
  for (const doc of docs) doc.on("update", () => setImmediate(look));
});
texts[0].insert(0, "Hello");
texts[1].insert(0, "World");
await converged;
console.log("converged");
for (const provider of providers) provider.destroy();
await new Promise((resolve) => server.close(resolve));
process.exit(0); // its awareness has a timer of its own
