/**
 * Programs that a benchmark starts: servers on one core, the load on another.
 */

import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { root, runtimeCommand } from "../scripts/built.mjs";

const serverCore = "0";
const loadCore = "1";

/** Whether programs can be kept to a core. */
export const canPin = spawnSync("taskset", ["-c", loadCore, "true"]).status === 0;

function pinned(core, command) {
  return canPin ? ["taskset", "-c", core, ...command] : command;
}

function file(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** The servers that are compared on each runtime: the library's own, the one to compare with, and the limit. */
export const servers = {
  node: { framewire: null, ws: "servers/ws.mjs", TCP: "servers/tcp.mjs" },
  deno: { framewire: null, own: "servers/deno-serve.mjs", TCP: "servers/tcp.mjs" },
  bun: { framewire: null, own: "servers/bun-serve.mjs", TCP: "servers/tcp.mjs" },
};

/**
 * Starts a server; gives its port, and a function that ends it.
 *
 * @param source A file in bench/; null for the library's own echo server.
 * @param args What it is told.
 */
export async function startServer(runtime, name, source = servers[runtime][name], args = []) {
  const command =
    source === null
      ? [process.execPath, "scripts/echo.mjs", runtime, "0", ...args]
      : [...runtimeCommand(runtime), file(source), ...args];
  const [program, ...rest] = pinned(serverCore, command);
  const child = spawn(program, rest, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  let output = "";
  const port = await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
        const match = /listening on (\d+)/.exec(output);
        if (match !== null) resolve(Number(match[1]));
      });
    }
    void exited.then((code) =>
      reject(new Error(`${name} on ${runtime} ended with ${code}: ${output}`)),
    );
  });
  return {
    port,
    stop() {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

/** Runs a load program once; gives what it counted in a second, or undefined and says why. */
export async function runLoad(source, options) {
  const result = await runLoadFully(source, options);
  return result && result.messages / result.seconds;
}

/** Runs a load program once; gives all that it counted, or undefined and says why. */
export async function runLoadFully(source, options) {
  const command = [...runtimeCommand("bun"), file(source), JSON.stringify(options)];
  const [program, ...args] = pinned(loadCore, command);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  await new Promise((resolve) => child.once("close", resolve));
  const result = JSON.parse(output === "" ? '{ "failure": "the load printed nothing" }' : output);
  if (result.messages === 0) result.failure = "nothing came back";
  if (result.failure === undefined) return result;
  console.error(`  failed: ${result.failure}`);
  return undefined;
}
