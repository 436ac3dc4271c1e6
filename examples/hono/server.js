// Hono says how many are in a room, framewire lets them talk: `node examples/hono/server.js`, or with deno run -A or bun.
import { once } from "node:events";
import process from "node:process";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { route } from "framewire";
import { serve } from "framewire/auto";

const app = new Hono();
app.get("/rooms/:room", (context) => {
  const room = context.req.param("room");
  return context.json({ room, people: sockets.subscribersOf(room) });
});

const server = createAdaptorServer({ fetch: app.fetch });
const sockets = await serve(
  { server },
  {
    routes: {
      "/rooms/:room": route({
        upgrade: (request) => ({ context: { room: request.params.room ?? "" } }),
        open: (ws) => ws.subscribe(ws.context.room),
        message: (ws, data) => ws.publish(ws.context.room, data),
      }),
    },
  },
);
await once(server.listen(Number(process.env.PORT ?? 8080)), "listening");
console.log(`Hono on http://localhost:${sockets.port}`);

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(signal, async () => {
    server.close(); // accepts nobody any more
    await sockets.shutdown({ deadline: 2000 });
  });
}
