// The upgrade without copies: each header is shown as it lies in the request's own bytes, and made a string of only
// because it is printed. The same file runs on Node, Deno and Bun.
import process from "node:process";
import { listen } from "framewire/auto";
import { Upgrader } from "framewire/handshake";
import { headerText } from "framewire/http";

const upgrader = new Upgrader({
  onRequest(target) {
    console.log("request for", headerText(target));
  },
  onHeader(name, value) {
    console.log(`non-websocket header: ${headerText(name)}: ${headerText(value)}`);
  },
});

const listener = await listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`upgrades on ws://localhost:${listener.port}`);

for await (const conn of listener) {
  const upgraded = upgrader.upgrade(conn).then((stream) => stream.close());
  upgraded.then(
    () => console.log("upgraded"),
    (error) => console.log("refused:", String(error)),
  );
}
