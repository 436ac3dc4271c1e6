/**
 * How long a peer waits for a pong, and for the end that it asks for, while the server's handler is at work.
 */

import { serversOf } from "./peers.mjs";
import { runLoad } from "./programs.mjs";
import { comparison } from "./rounds.mjs";

/** A sample for each thing that a client waits for. */
async function takeWaits(server, sends, { isQuick, warm, measure }) {
  const connections = isQuick ? 20 : 100;
  const load = { port: server.port, sends, connections, warm, measure };
  const { waits } = await runLoad("load-busy.mjs", load);
  return waits.map((value) => ({ value }));
}

export const busy = comparison({
  title: "While a handler works",
  explanation:
    "The handler of a message sends it back and then works for 4 s, a timer that it awaits. Meanwhile the client sends a " +
    "ping and waits for the pong, or sends a close frame and waits for the one that answers it, and for the end of the " +
    "connection. Connections come one after the other, at most 100 in a round (20 in a quick run) and for no longer than " +
    "a round is measured; a figure is the median of their waits. `ws` is npm's, without and with bufferutil, `own` the " +
    "runtime's own WebSocket server.",
  figure: { what: "wait for", unit: "ms", better: "less" },
  servers: (runtime) =>
    serversOf(runtime, {
      framewire: ["servers/framewire.mjs", "busy"],
      kind: "busy",
      limit: null,
    }),
  rowsOf: (options) => [
    { row: "pong", take: (server) => takeWaits(server, "ping", options) },
    { row: ["close frame", "end"], take: (server) => takeWaits(server, "close", options) },
  ],
});
