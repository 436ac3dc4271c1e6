/**
 * `node bench/where.mjs [node deno bun] [--rows TEXT]`: where the CPU time of a message goes, by Linux's `perf`, as a Markdown
 * table: to the kernel, to the runtime itself, or to JavaScript, which is all that the library can do anything about.
 *
 * The ratio that a row of bench/aims.mjs asks for cannot be had where the first two alone take longer than it leaves.
 */

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt } from "../scripts/built.mjs";
import { runLoad, startServer } from "./programs.mjs";

const bulk = { kind: "ws", connections: 64, inFlight: 16 };
const single = { kind: "ws", connections: 64, inFlight: 1 };
const echo = ["servers/framewire.mjs", "echo"];

/** What is told, the server, the load and what it is told. */
const rows = [
  ["echo, 16 B, 64 x 16", echo, "load-echo.mjs", { ...bulk, size: 16 }],
  ["echo, 1 KiB, 64 x 16", echo, "load-echo.mjs", { ...bulk, size: 1024 }],
  ["echo, 16 B, 64 x 1", echo, "load-echo.mjs", { ...single, size: 16 }],
  ["echo, 64 KiB, 64 x 1", echo, "load-echo.mjs", { ...single, size: 64 * 1024 }],
  ["echo, 1 MiB, 8 x 1", echo, "load-echo.mjs", { ...single, connections: 8, size: 1024 ** 2 }],
  ["text, 128 B ASCII, 64 x 16", echo, "load-echo.mjs", { ...bulk, size: 128, text: "ascii" }],
  ["text, 128 B mixed, 64 x 16", echo, "load-echo.mjs", { ...bulk, size: 128, text: "mixed" }],
  ["loop, 16 B, 64 x 16", [echo[0], "loop"], "load-echo.mjs", { ...bulk, size: 16 }],
  [
    "low level, 16 B, 64 x 16",
    ["servers/framewire-low.mjs"],
    "load-echo.mjs",
    { ...bulk, size: 16 },
  ],
  [
    "broadcast, 128 B to 1 000",
    [echo[0], "broadcast"],
    "load-broadcast.mjs",
    { kind: "ws", size: 128, clients: 1000 },
  ],
  ["handshakes, 32 at a time", echo, "load-handshake.mjs", { clients: 32 }],
];

const warm = 700;
const measure = 2000;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rows: { type: "string", default: "" } },
});
const runtimes = positionals.length > 0 ? positionals : ["node", "deno", "bun"];

/** Whose code lies in an object that `perf` names. */
function ownerOf(object) {
  if (object.startsWith("[kernel")) return "kernel";
  if (object === "[vdso]") return "runtime";
  // What an engine has compiled lies in no file.
  return /^(\[|\/\/)/.test(object) ? "javascript" : "runtime";
}

/** Watches a process for a while; gives the shares of its CPU time. */
async function watch(pid, folder) {
  const data = join(folder, "perf.data");
  const perf = spawn(
    "perf",
    ["record", "-q", "-F", "1499", "-o", data, "-p", pid, "--", "sleep", measure / 1000],
    { stdio: "ignore" },
  );
  await new Promise((resolve, reject) => {
    perf.once("error", reject);
    perf.once("exit", resolve);
  });
  const report = execFileSync("perf", ["report", "-i", data, "--stdio", "-s", "dso"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const shares = { kernel: 0, runtime: 0, javascript: 0 };
  for (const [, share, object] of report.matchAll(/^\s*([\d.]+)%\s+(\S.*?)\s*$/gm)) {
    shares[ownerOf(object)] += Number(share) / 100;
  }
  return shares;
}

async function measureRow(runtime, [name, command, source, load]) {
  const folder = mkdtempSync(join(tmpdir(), "framewire-where-"));
  const server = await startServer(runtime, command);
  try {
    const watched = new Promise((resolve) => setTimeout(resolve, warm)).then(() =>
      watch(String(server.pid), folder),
    );
    const { port, pid } = server;
    const [{ messages, cpu }, shares] = await Promise.all([
      runLoad(source, { ...load, port, pid, warm, measure }),
      watched,
    ]);
    const each = (cpu * 1e6) / messages;
    const cell = (share) => `${(each * share).toPrecision(3)} (${Math.round(share * 100)} %)`;
    const { kernel, runtime: engine, javascript } = shares;
    console.log(
      `| ${name} | ${runtime} | ${each.toPrecision(3)} | ${cell(kernel)} | ${cell(engine)} | ${cell(javascript)} |`,
    );
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

ensureBuilt();
console.log("| what | runtime | CPU, us each | kernel | runtime | JavaScript |");
console.log("| --- | --- | --- | --- | --- | --- |");
for (const row of rows.filter(([name]) => name.includes(values.rows))) {
  for (const runtime of runtimes) await measureRow(runtime, row);
}
