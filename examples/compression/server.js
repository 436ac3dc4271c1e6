// Compression, and what it gains: sends what comes back as JSON with much that repeats. On Node, Deno and Bun:
// `node examples/compression/server.js`, then connect and send a few lines; the server prints what went over the wire.
import process from "node:process";
import { serve } from "framewire/auto";

const server = await serve(
  {
    port: Number(process.env.PORT ?? 8080),
    // Messages from 128 bytes on, and no more than 64 MiB of windows for all connections together.
    compression: { threshold: 128, maxMemory: 64 * 1024 ** 2 },
    maxMessageSize: 64 * 1024, // counts what a message inflates to: a bomb ends here
  },
  {
    open: (ws) => console.log(ws.extensions || "no compression: the client offers none"),
    async message(ws, data) {
      const rows = Array.from({ length: 100 }, (_, number) => ({ number, text: String(data) }));
      await ws.send(JSON.stringify(rows));
      // A secret beside text that a stranger chooses is sent by itself: its size would tell about it.
      await ws.send("token 123456", { compress: false });
      const { payload, bytes } = ws.counters.sent;
      console.log(`${payload} bytes of messages were ${bytes} on the wire`);
    },
  },
);
console.log(`compression on ws://localhost:${server.port}`);
