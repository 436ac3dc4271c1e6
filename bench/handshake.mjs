/**
 * Opening handshakes a second: connect, ask as a browser asks, get 101, drop the connection.
 */

import { comparison } from "./rounds.mjs";

export const handshake = comparison({
  title: "Opening handshakes, thousand a second",
  explanation:
    "Clients at the same time, each of which connects, sends a browser's request of 12 headers, checks the answer, drops " +
    "the connection and begins anew. `ws` is npm's, `own` the runtime's own WebSocket server, TCP a connection that " +
    "echoes the request's bytes. Ratios are medians over the rounds, with the least and the most of them.",
  what: "clients",
  unit: "handshakes",
  program: "load-handshake.mjs",
  scenarios: [
    { name: "1", clients: 1 },
    { name: "32", clients: 32 },
  ],
});
