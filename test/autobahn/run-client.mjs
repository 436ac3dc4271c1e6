/**
 * `npm run -s autobahn:client -- <node|deno|bun> <ws://host:port> <agent>`: runs every case of Autobahn's fuzzing server
 * against framewire's client on a runtime.
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ensureBuilt, root, runtimeCommand } from "../../scripts/built.mjs";

const [runtime, url, agent] = process.argv.slice(2);
if (runtime === undefined || url === undefined || agent === undefined) {
  console.error("usage: npm run -s autobahn:client -- <node|deno|bun> <ws://host:port> <agent>");
  process.exit(2);
}

const [program, ...first] = runtimeCommand(runtime);
ensureBuilt();
const client = fileURLToPath(new URL("client.mjs", import.meta.url));
const child = spawn(program, [...first, client, url, agent], { cwd: root, stdio: "inherit" });
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => child.kill("SIGTERM"));
child.on("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGTERM" ? 143 : 1);
});
