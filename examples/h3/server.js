// JSON by h3, echo by framewire: `node examples/h3/server.js`, or with deno run -A or bun.
import { once } from "node:events";
import { createServer } from "node:http";
import process from "node:process";
import { H3 } from "h3";
import { toNodeHandler } from "h3/node";
import { serve } from "framewire/auto";

const app = new H3();
app.get("/", () => ({ open: sockets.counters.open, messages: sockets.counters.received.messages }));

const server = createServer(toNodeHandler(app));
const sockets = await serve(
  { server },
  { routes: { "/echo": { message: (ws, data) => ws.send(data) } } },
);
await once(server.listen(Number(process.env.PORT ?? 8080)), "listening");
console.log(`h3 on http://localhost:${sockets.port}`);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    server.close(); // accepts nobody any more
    await sockets.shutdown({ deadline: 2000 });
  });
}
