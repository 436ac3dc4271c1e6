/**
 * `npm run bench [-- NAME ...] [-- --quick] [--runtime node,deno,bun] [--rounds N] [--measure MS] [--rows TEXT]
 * [--out FOLDER]`: runs benchmarks by name, or all of them.
 *
 * A full run writes its results to bench/results/; one that is quick or partial only prints them, or writes to a folder
 * that is named.
 */

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt, root } from "../scripts/built.mjs";
import { backplanes } from "./backplanes.mjs";
import { broadcast } from "./broadcast.mjs";
import { busy } from "./busy.mjs";
import { compressed } from "./compressed.mjs";
import { big, echo, loop, low, standard, switched, text } from "./echo.mjs";
import { fetch } from "./fetch.mjs";
import { handshake, switchedHandshake } from "./handshake.mjs";
import { heap } from "./heap.mjs";
import { idle, switchedIdle } from "./idle.mjs";
import { describeMachine, machineText } from "./machine.mjs";
import { micro } from "./micro.mjs";
import { writeOverview } from "./overview.mjs";
import { comparisonTable } from "./report.mjs";
import { soak } from "./soak.mjs";

const benchmarks = {
  echo,
  text,
  loop,
  low,
  broadcast,
  backplanes,
  handshake,
  fetch,
  idle,
  busy,
  big,
  compressed,
  micro,
  heap,
  soak,
  switched,
  "switched-handshake": switchedHandshake,
  "switched-idle": switchedIdle,
  standard,
};
const everywhere = "node,deno,bun";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    runtime: { type: "string", default: everywhere },
    rounds: { type: "string" },
    measure: { type: "string" },
    rows: { type: "string" },
    out: { type: "string" },
  },
});
const names = positionals.length > 0 ? positionals : Object.keys(benchmarks);
for (const name of names) {
  if (benchmarks[name] === undefined) {
    console.error(`no benchmark ${name}; there are: ${Object.keys(benchmarks).join(", ")}`);
    process.exit(2);
  }
}

const { quick: isQuick, runtime, rows: rowFilter } = values;
const isPartial =
  isQuick ||
  runtime !== everywhere ||
  [values.rounds, values.measure, rowFilter].some((value) => value !== undefined);
const folder = values.out ?? (isPartial ? undefined : join(root, "bench/results"));
const measure = Number(values.measure ?? (isQuick ? 500 : 1000));
const options = {
  runtimes: runtime.split(","),
  isQuick,
  rowFilter,
  rounds: Number(values.rounds ?? (isQuick ? 1 : 5)),
  warm: Math.max(measure / 4, 10),
  measure,
};

function tableOf(name, { figure, appendix }, { rows, table }) {
  if (table !== undefined) return table;
  const parts = [comparisonTable(name, figure, rows)];
  if (appendix !== undefined) parts.push(appendix(rows));
  return parts.join("\n\n");
}

const ratioLegend =
  "A ratio is framewire's figure over the other's: the median over the rounds, with the least and the most of them.";
const cpuLegend =
  "CPU is user and system time of the server process, framewire's and the other's; the ratio by CPU is the other's time " +
  "over framewire's, so that more is better. Busy is the share of the time that each server ran: one that is not busy " +
  "waited for the load.";

/** How to read the columns of a comparison. */
function legendOf({ each }) {
  return each === undefined ? ratioLegend : `${ratioLegend} ${cpuLegend}`;
}

/** Runs a benchmark, prints what it gives, writes it where that is wanted. */
async function run(name, machine) {
  const benchmark = benchmarks[name];
  const { title, explanation, figure } = benchmark;
  const start = Date.now();
  console.error(`\n${name}: ${title}`);
  const result = await benchmark.run(options);
  const seconds = Math.round((Date.now() - start) / 1000);
  const paragraphs = [`# ${title}`, explanation];
  if (figure !== undefined) paragraphs.push(legendOf(figure));
  paragraphs.push(`${machineText(machine)}; ${options.rounds} rounds at the most; ${seconds} s.`);
  const report = `${[...paragraphs, tableOf(name, benchmark, result)].join("\n\n")}\n`;
  console.log(`\n${report}`);
  if (folder === undefined) return;
  const { rows } = result;
  const data = { name, title, machine, options, seconds, figure, rows };
  writeFileSync(join(folder, `${name}.md`), report);
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(data, null, 1)}\n`);
}

ensureBuilt();
const machine = describeMachine();
if (folder !== undefined) mkdirSync(folder, { recursive: true });
const start = Date.now();
const failed = [];
for (const name of names) {
  try {
    await run(name, machine);
  } catch (error) {
    console.error(`${name} FAILED: ${error.stack}`);
    failed.push(name);
    if (folder !== undefined) rmSync(join(folder, `${name}.json`), { force: true });
  }
}
if (folder !== undefined) writeOverview(folder, Object.keys(benchmarks));
console.error(`done in ${Math.round((Date.now() - start) / 1000)} s`);
if (failed.length > 0) {
  console.error(`failed: ${failed.join(", ")}`);
  process.exitCode = 1;
}
