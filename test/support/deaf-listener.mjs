/**
 * Listens for two connections and accepts none, since its event loop stands still: to whoever comes next the kernel says
 * nothing at all. It prints `listening on PORT`.
 */

import { writeSync } from "node:fs";
import { createServer } from "node:net";

const server = createServer();
server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  writeSync(1, `listening on ${server.address().port}\n`);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
