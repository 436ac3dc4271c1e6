/**
 * `npm run bench [-- NAME ...] [-- --short] [--runtime node,deno,bun]`: runs benchmarks by name, or all of them.
 *
 * A full run writes its results to bench/results/; a short one, for a quick look, only prints them.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt, root, runtimeCommand } from "../scripts/built.mjs";
import { compressed } from "./compressed.mjs";
import { echo } from "./echo.mjs";
import { handshake } from "./handshake.mjs";
import { heap } from "./heap.mjs";
import { canPin } from "./programs.mjs";
import { soak } from "./soak.mjs";

const benchmarks = { echo, compressed, handshake, heap, soak };

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: "boolean", default: false },
    runtime: { type: "string", default: "node,deno,bun" },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(benchmarks);
for (const name of names) {
  if (benchmarks[name] === undefined) {
    console.error(`no benchmark ${name}; there are: ${Object.keys(benchmarks).join(", ")}`);
    process.exit(2);
  }
}

function versionOf(name) {
  return JSON.parse(readFileSync(join(root, name, "package.json"), "utf8")).version;
}

function firstLine(command) {
  const [program, ...args] = command;
  return spawnSync(program, args, { encoding: "utf8" }).stdout.split("\n")[0];
}

/** What the figures depend on. */
function describeMachine() {
  const [cpu] = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: `${cpus().length} x ${cpu.model.trim()}`,
    pinned: canPin,
    framewire: versionOf("."),
    node: process.versions.node,
    deno: firstLine([runtimeCommand("deno")[0], "--version"]).split(" ")[1],
    bun: firstLine([runtimeCommand("bun")[0], "--version"]),
    ws: versionOf("node_modules/ws"),
  };
}

ensureBuilt();
const machine = describeMachine();
const runtimes = values.runtime.split(",");
const options = values.short
  ? { runtimes, isShort: true, rounds: 1, warm: 150, measure: 400 }
  : { runtimes, isShort: false, rounds: 5, warm: 300, measure: 1000 };
const about = `${machine.date}, ${machine.cpu}; framewire ${machine.framewire}, node ${machine.node}, deno ${machine.deno}, bun ${machine.bun}, ws ${machine.ws}; server and load ${
  machine.pinned ? "on a core each" : "NOT kept to cores of their own: there is no taskset"
}`;

for (const name of names) {
  const { title, explanation, run, rounds = options.rounds } = benchmarks[name];
  const { rows, table } = await run(options);
  const times = `${rounds} round${rounds === 1 ? "" : "s"}`;
  const text = `# ${title}\n\n${explanation}\n\n${about}; ${times}.\n\n${table}\n`;
  console.log(`\n${text}`);
  if (values.short || values.runtime !== "node,deno,bun") continue;
  const results = join(root, "bench/results");
  mkdirSync(results, { recursive: true });
  writeFileSync(join(results, `${name}.md`), text);
  writeFileSync(
    join(results, `${name}.json`),
    `${JSON.stringify({ machine, options, rows }, null, 2)}\n`,
  );
}
