// An echo server of the installed package, for one connection.
import { serve } from "framewire/auto";

const server = await serve(
  { port: 0, hostname: "127.0.0.1", compression: true },
  {
    message: (ws, data) => ws.send(`${ws.extensions.split(";")[0]}: ${data}`),
    close: () => void server.shutdown(),
  },
);
console.log(`on port ${server.port}`);
