/**
 * Opening handshakes a second: connect, ask as a browser asks, get 101, drop the connection.
 */

import { replacementsOf, serversOf } from "./peers.mjs";
import { comparison, loadSample } from "./rounds.mjs";

const figure = {
  what: "clients",
  unit: "k handshakes/s",
  scale: 1e-3,
  each: "handshake",
  better: "more",
};

const clients =
  "Clients at the same time, each of which connects, sends a browser's request of 12 headers, checks the answer, drops " +
  "the connection and begins anew.";

function rowsOf(options) {
  return [
    { row: "32 at a time", clients: 32 },
    { row: "1 at a time", clients: 1, rounds: 3 },
  ].map(({ row, rounds, ...load }) => ({
    row,
    rounds,
    take: loadSample("load-handshake.mjs", load, options),
  }));
}

export const handshake = comparison({
  title: "Opening handshakes",
  explanation:
    `${clients} \`ws\` is npm's, without and with bufferutil, \`own\` the runtime's own WebSocket server, TCP a bare socket ` +
    "on the same runtime that answers whatever comes with a fixed 101.",
  figure,
  servers: (runtime) =>
    serversOf(runtime, { framewire: ["servers/framewire.mjs", "echo"], limit: "handshake" }),
  rowsOf,
});

export const switchedHandshake = comparison({
  title: "Opening handshakes of framewire/ws",
  explanation: `${clients} The servers are those of switched.`,
  figure,
  servers: replacementsOf,
  rowsOf,
});
