// Three WebSockets on one connection of HTTP/2, and a plain request beside them, on Node or Bun:
// `node examples/http2/client.js http://localhost:8080`.
import { connect as connectHttp2 } from "node:http2";
import process from "node:process";
import { connect } from "framewire/http2";

const address = process.argv[2] ?? "http://localhost:8080";
const session = connectHttp2(address);
session.on("error", (error) => console.error("session", error));

const sockets = await Promise.all(
  ["one", "two", "three"].map((name) => connect(`${address}/${name}`, { session })),
);
for (const ws of sockets) {
  await ws.send(`hello from ${ws.target}`);
  console.log(await ws.receive());
}

const request = session.request({ ":path": "/page" });
for await (const chunk of request) process.stdout.write(chunk);

await Promise.all(sockets.map((ws) => ws.close()));
session.close();
