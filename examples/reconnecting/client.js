// A client that stays connected: it waits, connects again, and asks for what it has missed. On Node, Deno and Bun:
// `node examples/reconnecting/client.js ws://localhost:8080/`, with server.js running, or not yet.
import process from "node:process";
import { reconnecting } from "framewire";
import { connect } from "framewire/auto";

const address = process.argv[2] ?? "ws://localhost:8080/";
let last = 0;

const feed = reconnecting(({ signal }) => connect(address, { signal, pingInterval: 20_000 }), {
  initialDelay: Number(process.env.DELAY ?? 1000),
  // Awaited before anybody else gets the connection.
  resume: (ws) => ws.send(JSON.stringify({ after: last })),
  connected: () => console.log("online"),
  disconnected: ({ closure, error }, delay) =>
    console.log(`offline: ${closure?.status ?? error}; again in ${Math.ceil(delay)} ms`),
});
process.once("SIGTERM", () => void feed.close());
process.once("SIGINT", () => void feed.close());

for await (const message of feed) {
  const { number, text } = JSON.parse(String(message));
  if (number <= last) continue; // seen already
  console.log(number, text);
  last = number;
}
console.log("ended:", (await feed.closed).cause);
