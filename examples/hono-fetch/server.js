// A Hono application and its WebSockets on one port, without another server: `node examples/hono-fetch/server.js`, or with
// deno run -A or bun. What is posted goes to all who are in the room:
//   curl -d Hello http://localhost:8080/rooms/tea
import process from "node:process";
import { Hono } from "hono";
import { route } from "framewire";
import { serve } from "framewire/auto";

const app = new Hono();
app.get("/rooms/:room", (context) => {
  const room = context.req.param("room");
  return context.json({ room, people: server.subscribersOf(room) });
});
app.post("/rooms/:room", async (context) => {
  await server.publish(context.req.param("room"), await context.req.text());
  return context.body(null, 204);
});

const server = await serve(
  { port: Number(process.env.PORT ?? 8080) },
  {
    fetch: app.fetch,
    routes: {
      "/rooms/:room": route({
        upgrade: (request) => ({ context: { room: request.params.room ?? "" } }),
        open: (ws) => ws.subscribe(ws.context.room),
        message: (ws, data) => ws.publish(ws.context.room, data),
      }),
    },
  },
);
console.log(`Hono on http://localhost:${server.port}`);

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.once(signal, () => void server.shutdown({ deadline: 2000 }));
}
