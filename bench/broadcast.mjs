/**
 * One message for many: messages a second that come in at 1 000 clients, to all of which each one goes.
 */

import { serversOf } from "./peers.mjs";
import { comparison, loadSample } from "./rounds.mjs";

export const broadcast = comparison({
  title: "Broadcast",
  explanation:
    "One of 1 000 clients sends a message of 128 B, the server sends it to all of them, and when every byte has come in " +
    "everywhere the next one is sent. `ws` and Deno's own server send it to each client in a loop, as their " +
    "documentation does; uWebSockets.js and Bun's own publish it to a topic; framewire's `server.broadcast` does it; TCP " +
    "is a loop over plain sockets.",
  figure: {
    what: "message",
    unit: "k received/s",
    scale: 1e-3,
    each: "message received",
    better: "more",
  },
  servers: (runtime) =>
    serversOf(runtime, { framewire: ["servers/framewire.mjs", "broadcast"], kind: "broadcast" }),
  rowsOf: (options) => [
    {
      row: "128 B to 1 000",
      take: loadSample("load-broadcast.mjs", { size: 128, clients: 1000 }, options),
    },
  ],
});
