// Sends every message back, on Bun: `bun examples/echo/bun.js`, then connect to the address that it prints.
import process from "node:process";
import { serve } from "framewire/bun";

const server = await serve(
  { port: Number(process.env.PORT ?? 8080) },
  {
    message: (ws, data) => ws.send(data),
    error: (ws, error) => console.error(ws.remoteAddress, error),
  },
);
console.log(`echo on ws://localhost:${server.port}`);
