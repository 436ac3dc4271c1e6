// A feed of numbered messages, which goes on where a client says it has got to: see client.js. On Node, Deno and Bun:
// `node examples/reconnecting/server.js`; stop it and start it again, and look at the client.
import process from "node:process";
import { serve } from "framewire/auto";

/** The last hundred. @type {{ number: number, text: string }[]} */
const news = [];

const server = await serve(
  { port: Number(process.env.PORT ?? 8080), pingInterval: 20_000, pongTimeout: 20_000 },
  {
    async message(ws, data) {
      const { after } = JSON.parse(String(data));
      for (const item of news) if (item.number > after) await ws.send(JSON.stringify(item));
      ws.subscribe("news");
    },
  },
);
console.log(`feed on ws://localhost:${server.port}`);

const interval = setInterval(
  () => {
    const number = Math.floor(Date.now() / 10); // goes on after a restart, as from a database
    news.push({ number, text: new Date().toISOString() });
    if (news.length > 100) news.shift();
    void server.publish("news", JSON.stringify(news.at(-1)));
  },
  Number(process.env.INTERVAL ?? 1000),
);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    clearInterval(interval);
    await server.shutdown({ reason: "The server restarts", deadline: 2000 }); // with 1001
    process.exit(0);
  });
}
