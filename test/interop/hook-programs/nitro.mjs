/** What the server of a Nitro application does on node:http: hooks are asked of the application, for each request. */
import { once } from "node:events";
import process from "node:process";
import { defineWebSocketHandler, H3 } from "h3";
import { NodeRequest, serve } from "srvx/node";
import { WebSocket } from "framewire/ws";

const { default: wsAdapter } = await import(process.argv[2]);

const app = new H3();
app.get("/", () => "plain");
app.get(
  "/feed/:name",
  defineWebSocketHandler((event) => ({
    open: (peer) => void peer.send(`${event.context.params.name} ${peer.namespace}`),
    message: (peer, message) => void peer.send(message.json()),
  })),
);

const { handleUpgrade } = wsAdapter({
  resolve: async (request) => (await app.fetch(request)).crossws ?? {},
});
const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1", silent: true });
server.node.server.on("upgrade", (req, socket, head) => {
  void handleUpgrade(req, socket, head, new NodeRequest({ req, upgrade: { socket, head } }));
});
await server.ready();
const { port } = server.node.server.address();

console.log(await (await fetch(`http://127.0.0.1:${port}/`)).text());
const socket = new WebSocket(`ws://127.0.0.1:${port}/feed/news`);
console.log(String((await once(socket, "message"))[0]));
socket.send('{"a": 1}');
console.log(String((await once(socket, "message"))[0]));
socket.close();
console.log((await once(socket, "close"))[0]);
process.exit(0);
