/**
 * `npm run -s echo -- <node|deno|bun> <port> [--max-message BYTES] [--compression on|JSON] [--low-level]`: an echo server
 * of the built package on a runtime.
 *
 * The one door for benchmarks, conformance runs and outside tools: it prints `listening on <port>` when it is ready,
 * and ends cleanly on SIGTERM or SIGINT. Port 0 takes a free one.
 */

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { ensureBuilt, root, runtimeCommand } from "./built.mjs";

const [runtime, ...rest] = process.argv.slice(2);
if (runtime === undefined || rest[0] === undefined) {
  console.error(
    "usage: npm run -s echo -- <node|deno|bun> <port> [--max-message BYTES] [--compression on|JSON] [--low-level]",
  );
  process.exit(2);
}

const [program, ...first] = runtimeCommand(runtime);
ensureBuilt();
const server = fileURLToPath(new URL("echo-server.mjs", import.meta.url));
const child = spawn(program, [...first, server, ...rest], { cwd: root, stdio: "inherit" });
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => child.kill("SIGTERM"));
child.on("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGTERM" ? 143 : 1);
});
