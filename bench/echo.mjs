/**
 * Messages a second that go to a server and come back, on each runtime, in the ways that the library is used.
 */

import { echoReplacementsOf, replacementsOf, serversOf } from "./peers.mjs";
import { echoComparison } from "./rounds.mjs";

const small = { row: "16 B, 64 x 16", size: 16, connections: 64, inFlight: 16 };

const peers =
  "`ws` is npm's, without and with the native code of bufferutil, `own` the runtime's own WebSocket server, TCP a plain " +
  "echo of the same bytes on the same runtime's sockets.";

export const echo = echoComparison({
  title: "Echo",
  explanation: `Binary messages: payload, then connections x messages in flight on each. ${peers}`,
  servers: (runtime) => serversOf(runtime, { framewire: ["servers/framewire.mjs", "echo"] }),
  scenarios: [
    small,
    { row: "1 KiB, 64 x 16", size: 1024, connections: 64, inFlight: 16 },
    { row: "16 B, 64 x 1", size: 16, connections: 64, inFlight: 1 },
    { row: "64 KiB, 64 x 1", size: 64 * 1024, connections: 64, inFlight: 1, rounds: 3 },
    { row: "1 MiB, 8 x 1", size: 1024 * 1024, connections: 8, inFlight: 1, rounds: 3 },
  ],
});

export const text = echoComparison({
  title: "Echo of text",
  explanation:
    "Messages of text, which reach the handler as strings: bytes of UTF-8, all ASCII or of one to four bytes a character, " +
    `then connections x messages in flight on each. ${peers}`,
  servers: (runtime) => serversOf(runtime, { framewire: ["servers/framewire.mjs", "echo"] }),
  scenarios: [
    { row: "128 B ASCII, 64 x 16", text: "ascii", size: 128, connections: 64, inFlight: 16 },
    { row: "128 B mixed, 64 x 16", text: "mixed", size: 128, connections: 64, inFlight: 16 },
  ],
});

export const loop = echoComparison({
  title: "Echo in a loop",
  explanation:
    "The library's server asks for its messages: `for await (const data of ws) await ws.send(data)`. The others are the " +
    `ones of the echo, with their handlers. ${peers}`,
  servers: (runtime) => serversOf(runtime, { framewire: ["servers/framewire.mjs", "loop"] }),
  scenarios: [small],
});

export const low = echoComparison({
  title: "Echo at the low level",
  explanation:
    "The library's server is the codec on a stream, with its own buffers (bench/servers/framewire-low.mjs). The others " +
    `are the ones of the echo. ${peers}`,
  servers: (runtime) => serversOf(runtime, { framewire: ["servers/framewire-low.mjs"] }),
  scenarios: [small],
});

export const big = echoComparison({
  title: "One big message",
  figure: { what: "echo", unit: "messages/s", each: "message", better: "more" },
  explanation: `A message of 8 MiB that goes back and forth on one connection. ${peers}`,
  servers: (runtime) => serversOf(runtime, { framewire: ["servers/framewire.mjs", "echo"] }),
  scenarios: [
    { row: "8 MiB, 1 x 1", size: 8 * 1024 * 1024, connections: 1, inFlight: 1, rounds: 4 },
  ],
});

const sixteen = { connections: 64, inFlight: 16 };

export const switched = echoComparison({
  title: "Echo of framewire/ws",
  explanation:
    "One program, servers/ws.mjs, with the class of `framewire/ws` and with that of `ws`: npm's, without and with the native " +
    "code of bufferutil; on Bun its own imitation, which takes the place of npm's. Binary messages, and text of ASCII, which " +
    "`ws` gives out as bytes: payload, then connections x messages in flight on each. `floor` is servers/floor.mjs: a program by " +
    "hand that does on the same sockets what each message needs, and nothing else.",
  servers: echoReplacementsOf,
  scenarios: [
    small,
    { row: "128 B text, 64 x 16", text: "ascii", size: 128, ...sixteen },
    { row: "1 KiB, 64 x 16", size: 1024, ...sixteen },
    { row: "16 B, 64 x 1", size: 16, connections: 64, inFlight: 1 },
    { row: "64 KiB, 64 x 1", size: 64 * 1024, connections: 64, inFlight: 1, rounds: 3 },
  ],
});

export const standard = echoComparison({
  title: "Echo of framewire/websocket",
  explanation:
    "Each of the server's connections is a WebSocket of the standard's, whose events come in a task each. The others are those " +
    "of switched.",
  servers: (runtime) =>
    replacementsOf(runtime, { framewire: ["servers/framewire.mjs", "websocket"] }),
  scenarios: [small],
});
