// One node: it serves the page, and the rooms, which are the same on all nodes. start.js starts three of them. To run one alone:
// `node examples/rooms-on-many-nodes/server.js`. On Node, Deno and Bun.
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "framewire/auto";
import { joinNodes } from "framewire/nodes";
import { chooseBackplane } from "./backplane.js";
import { fileAt } from "./files.js";
import { People } from "./people.js";
import { roomHandlers, stamp } from "./rooms.js";

const { NODE_NAME = "one", SOCKET, PORT = "8080", ALLOW_KILL } = process.env;
// If a node has been silent for three seconds, its users count as gone.
const nodes = joinNodes(await chooseBackplane(), { heartbeat: 1000, silence: 3000 });
const people = new People(nodes);

/** @type {import("framewire").Server} */
const server = await serve(
  {
    // The balancer connects by a Unix socket, and its header Forwarded names the client. Limits and origins are about that
    // client.
    ...(SOCKET === undefined ? { port: Number(PORT) } : { path: SOCKET }),
    trustProxy: ["unix"],
    proxyHeaders: ["forwarded"],
    origins: "same",
    // These bound what one client, or one address, can cost this node.
    maxMessageSize: 8192,
    maxTopics: 1,
    maxConnectionsPerAddress: 50,
    handshakesPerAddress: { perSecond: 20, burst: 200 }, // the page's files count, too
    messagesPerAddress: { perSecond: 50, burst: 100, excess: "wait" },
    // A page that does not keep up is cut off. It comes back, and gets the messages that it has missed from the history.
    slowReceivers: "close",
    pingInterval: 20_000,
    pongTimeout: 20_000,
    backplane: nodes,
    carrying: { stamp },
  },
  {
    // The balancer asks for /health, to find out whether this node can serve.
    http: ({ path }) => (path === "/health" ? { body: "ok\n" } : fileAt(path)),
    routes: {
      "/rooms/:room": roomHandlers({
        node: NODE_NAME,
        publish: (room, text) => server.publish(room, text),
        people,
        hasHistory: nodes.histories !== undefined,
        canBeKilled: ALLOW_KILL === "1",
      }),
    },
    refused: ({ status, message }, _, peer) =>
      console.log(`refused ${peer?.address}: ${status}`, message),
    backplane(event) {
      console.log(`backplane: ${event.type}`);
      if (event.type !== "gap") return;
      // Some messages are lost, and are not in the history.
      for (const room of event.topics ?? people.rooms) people.tell(room, { gap: true });
    },
  },
);
console.log(`serves on ${SOCKET ?? `http://localhost:${server.port}`}`);

let isStopping = false;
async function stop() {
  if (isStopping) return;
  isStopping = true;
  // The balancer sends new clients to other nodes, since this one does not listen any more. Its own clients get 1001, and come
  // again.
  await server.stopListening();
  for (let left = 100; server.counters.opening > 0 && left > 0; left--) await sleep(10);
  const { closed, dropped } = await server.shutdown({
    reason: "This node stops",
    deadline: 2000,
  });
  console.log(`stopped: ${closed} closed, ${dropped} dropped`);
  process.exit(0);
}
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
process.on("disconnect", stop); // start.js is gone
