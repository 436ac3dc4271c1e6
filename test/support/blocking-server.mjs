/**
 * A server that pings each 200 ms, gives up who is silent for 500 ms behind one, and holds up its event loop for two
 * seconds at the message "block". It prints `listening on PORT`, `blocking`, and how each connection ends.
 */

import { serve } from "framewire/auto";

const server = await serve(
  { port: 0, hostname: "127.0.0.1", pingInterval: 200, pongTimeout: 500 },
  {
    message(ws, data) {
      if (data === "block") {
        console.log("blocking");
        for (const end = Date.now() + 2000; Date.now() < end;);
      }
      return ws.send(`done with ${data}`);
    },
    close: (_, { status }) => console.log(`closed with ${status}`),
  },
);
console.log(`listening on ${server.port}`);
