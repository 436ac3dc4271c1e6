/**
 * Echo throughput: messages a second that go to a server and come back, on each runtime, against its own or the usual
 * WebSocket server and against a plain TCP echo of the same bytes.
 */

import { comparison } from "./rounds.mjs";

export const echo = comparison({
  title: "Echo, thousand messages a second",
  explanation:
    "Payload, then connections x messages in flight on each. `ws` is npm's, `own` the runtime's own WebSocket server, " +
    "TCP a plain echo of the same bytes. Ratios are medians over the rounds, with the least and the most of them.",
  what: "echo",
  unit: "messages",
  program: "load-echo.mjs",
  scenarios: [
    { name: "16 B, 64 x 16", size: 16, connections: 64, inFlight: 16 },
    { name: "1 KiB, 64 x 16", size: 1024, connections: 64, inFlight: 16 },
    { name: "16 B, 64 x 1", size: 16, connections: 64, inFlight: 1 },
    { name: "64 KiB, 64 x 1", size: 64 * 1024, connections: 64, inFlight: 1 },
    { name: "1 MiB, 8 x 1", size: 1024 * 1024, connections: 8, inFlight: 1 },
  ],
});
