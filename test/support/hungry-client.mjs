/**
 * A client that opens files until there are no more descriptors, and then connects; prints the code that it fails with, and
 * whether it connects again once there are some.
 */

import { closeSync, openSync } from "node:fs";
import process from "node:process";

const { connect, serve } = await import(`../../dist/${process.argv[2]}.mjs`);
const server = await serve({ port: 0, hostname: "127.0.0.1" }, {});
const url = `ws://127.0.0.1:${server.port}`;
// Whatever a first connection loads.
await (await connect(url)).close();

const files = [];
try {
  for (;;) files.push(openSync("/dev/null", "r"));
} catch {
  // There are none left.
}
const code = await connect(url).then(
  () => "open",
  (error) => error.code,
);
for (const file of files) closeSync(file);
console.log(code);
await (await connect(url)).close();
console.log("and served again");
await server.shutdown();
process.exit(0);
