/**
 * What echo.mjs runs: the same file on every runtime, through the package's own entry points.
 */

import process from "node:process";
import { parseArgs } from "node:util";
import { serve } from "framewire/auto";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { "max-message": { type: "string" } },
});
const most = values["max-message"];
const limits =
  most === undefined ? {} : { maxMessageSize: Number(most), maxFrameSize: Number(most) };

const server = await serve(
  { port: Number(positionals[0]), hostname: "127.0.0.1", ...limits },
  {
    upgrade: (request) => ({ protocol: request.protocols[0] }),
    message: (ws, data) => ws.send(data),
  },
);
async function stop() {
  await server.shutdown({ deadline: 1000 });
  process.exit(0);
}
process.on("SIGTERM", stop);
process.on("SIGINT", stop);

// Last: who reads it may send signals at once, or leave no file descriptor to listen for them with.
console.log(`listening on ${server.port}`);
