// Topics: subscribe to what you want, publish to all who have. On Node, Deno and Bun: `node examples/topics/server.js`, then
// connect twice, say `+tea` in both, and `tea the kettle boils` in one; `-tea` ends it. `clock` is published each second.
import process from "node:process";
import { serve } from "framewire/auto";

const server = await serve(
  // One slow subscriber costs the others nothing: what it does not keep up with passes it by.
  { port: Number(process.env.PORT ?? 8080), maxTopics: 10, slowReceivers: "drop" },
  {
    open: (ws) => void ws.send("+topic, -topic, or topic and what to say"),
    async message(ws, data) {
      const [, sign, topic = "", text = ""] = /^([+-]?)(\S+) ?(.*)$/.exec(String(data)) ?? [];
      if (sign === "+") ws.subscribe(topic);
      else if (sign === "-") ws.unsubscribe(topic);
      else if (topic !== "") ws.publish(topic, `${topic}: ${text}`); // to all but the sender
      await ws.send(`${server.subscribersOf(topic)} subscribed to ${topic}; you: ${ws.topics}`);
    },
    error: (ws, error) => console.error(ws.remoteAddress, String(error)), // such as an eleventh topic
  },
);
console.log(`topics on ws://localhost:${server.port}`);

const timer = setInterval(() => {
  void server.publish("clock", new Date().toISOString());
}, 1000);

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    clearInterval(timer);
    void server.shutdown({ deadline: 2000 });
  });
}
