// What is posted to Fastify goes to all that listen by WebSocket: `node examples/fastify/server.js`, then
// `curl localhost:8080/news -H 'content-type: application/json' -d '{"text":"Hello"}'`.
import process from "node:process";
import Fastify from "fastify";
import { serve } from "framewire/node";

const app = Fastify();
const sockets = await serve(
  { server: app.server },
  { routes: { "/news": { open: (ws) => ws.subscribe("news"), message() {} } } },
);

const schema = {
  body: { type: "object", required: ["text"], properties: { text: { type: "string" } } },
};
app.post("/news", { schema }, async (request) => {
  const { text } = /** @type {{ text: string }} */ (request.body);
  const { sent } = sockets.publish("news", text);
  return { sent };
});
// Before Fastify closes its server, which waits for every connection.
app.addHook("preClose", async () => void (await sockets.shutdown({ deadline: 2000 })));

await app.listen({ port: Number(process.env.PORT ?? 8080) });
console.log(`Fastify on http://localhost:${sockets.port}`);

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => app.close());
