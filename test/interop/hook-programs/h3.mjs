/** An application of h3 with WebSockets, as its documentation has it; the plugin is that of the module it is told. */
import { once } from "node:events";
import process from "node:process";
import { defineWebSocketHandler, H3, HTTPError, serve } from "h3";
import { WebSocket } from "framewire/ws";

const { plugin: ws } = await import(process.argv[2]);

const app = new H3();
app.use("/private/**", (event) => {
  if (event.req.headers.get("x-key") !== "k") throw new HTTPError({ status: 401 });
});
app.get("/", () => "plain");
app.post("/length", async (event) => String((await event.req.arrayBuffer()).byteLength));
app.get(
  "/_ws",
  defineWebSocketHandler({
    upgrade(request) {
      if (request.headers.get("x-user") === "nobody") return new Response("no", { status: 403 });
      return { context: { user: request.headers.get("x-user") } };
    },
    open(peer) {
      peer.subscribe("room");
      peer.publish("room", `${peer.context.user} has come`);
      peer.send(`hello ${peer.context.user}, ${new URL(peer.request.url).search}`);
    },
    message(peer, message) {
      peer.send(message.text());
      peer.publish("room", message.uint8Array());
    },
  }),
);
app.get("/private/ws", defineWebSocketHandler({ open: (peer) => void peer.send("private") }));

const server = serve(app, { port: 0, hostname: "127.0.0.1", plugins: [ws({})], silent: true });
await server.ready();
const { port } = new URL(server.url);
const url = `ws://127.0.0.1:${port}`;

/** A connection whose messages are asked for one by one. */
async function open(path, headers = {}) {
  const socket = new WebSocket(url + path, { headers });
  const lines = [];
  let wake;
  socket.on("message", (data, isBinary) => {
    lines.push(`${isBinary ? "bytes " : ""}${data}`);
    wake?.();
  });
  await once(socket, "open");
  const next = async () => {
    while (lines.length === 0) await new Promise((resolve) => (wake = resolve));
    return lines.shift();
  };
  return { socket, next };
}

async function refusal(path, headers) {
  const socket = new WebSocket(url + path, { headers });
  const [, response] = await once(socket, "unexpected-response");
  response.resume();
  return response.statusCode;
}

console.log(await (await fetch(`http://127.0.0.1:${port}/`)).text());
const body = new Uint8Array(2 * 1024 * 1024);
console.log(
  await (await fetch(`http://127.0.0.1:${port}/length`, { method: "POST", body })).text(),
);

const ann = await open("/_ws?a=1", { "X-User": "ann" });
console.log("ann:", await ann.next());
const bob = await open("/_ws", { "X-User": "bob" });
console.log("bob:", await bob.next());
console.log("ann:", await ann.next());
bob.socket.send("good day");
console.log("bob:", await bob.next());
console.log("ann:", await ann.next());

console.log("refused", await refusal("/_ws", { "X-User": "nobody" }));
console.log("refused", await refusal("/private/ws"), await refusal("/nowhere"));
console.log(await (await open("/private/ws", { "X-Key": "k" })).next());

const closed = once(ann.socket, "close");
ann.socket.close(4000, "bye");
console.log("closed", (await closed)[0]);
process.exit(0);
