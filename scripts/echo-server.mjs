/**
 * What echo.mjs runs: the same file on every runtime, through the package's own entry points.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { listenLowLevel } from "./echo-low-level.mjs";
import { serve } from "framewire/auto";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    "max-message": { type: "string" },
    "low-level": { type: "boolean", default: false },
    compression: { type: "string" },
  },
});
const port = Number(positionals[0]);
const hostname = "127.0.0.1";
const most = values["max-message"] === undefined ? undefined : Number(values["max-message"]);

// Autobahn sends 4 MiB in frames of 64 bytes, and an empty one behind them.
const maxFragments = 65_537;

/** "on", or the options in JSON. */
function compressionOf(text) {
  return text === undefined ? false : text === "on" ? true : JSON.parse(text);
}

/** The high level: connections. */
async function serveHighLevel() {
  const limits = most === undefined ? {} : { maxMessageSize: most, maxFrameSize: most };
  const server = await serve(
    { port, hostname, compression: compressionOf(values.compression), maxFragments, ...limits },
    {
      upgrade: (request) => ({ protocol: request.protocols[0] }),
      // Who connects to /close sees how a server closes.
      open: (ws) => void (ws.target === "/close" && ws.close(4002, "as you wish")),
      message: (ws, data) => ws.send(data),
    },
  );
  return { port: server.port, stop: () => server.shutdown({ deadline: 1000 }) };
}

const server = values["low-level"]
  ? await listenLowLevel({ port, hostname }, most)
  : await serveHighLevel();
async function stop() {
  await server.stop();
  process.exit(0);
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);

// Last: who reads it may send signals at once, or leave no file descriptor to listen for them with.
console.log(`listening on ${server.port}`);
