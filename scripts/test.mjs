/**
 * `npm test`: static checks, and the whole suite on Node, with coverage, on Deno and on Bun.
 *
 * It says how long it will still take, by the times of the last run. Its last line is `N passed, N failed, N skipped`,
 * counted from the reports of the three runs.
 */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { root } from "./built.mjs";
import { runLanes, showProgress, Step } from "./steps.mjs";
import {
  environmentOf,
  launchers,
  readReport,
  runtimes,
  shown,
  sumOf,
  timesOf,
} from "./suites.mjs";

const results = join(root, ".test-results");
const secondsFile = join(results, "seconds.json");

const node = process.execPath;
const modules = join(root, "node_modules");

const checks = {
  build: [node, join(root, "scripts/built.mjs")],
  format: [node, join(modules, "oxfmt/bin/oxfmt"), "--check"],
  lint: [node, join(modules, "oxlint/bin/oxlint")],
  slices: [node, join(root, "scripts/lint/no-slice-on-bytes.mjs")],
  // By the compiler that is written in Go, in a third of the time. Forced: its memory of the last run does not notice a newly
  // built package.
  types: [node, join(modules, "typescript7/bin/tsc"), "-b", "--force"],
  // What is published, by the compiler that most projects have.
  declarations: [
    ...[node, join(modules, "typescript/bin/tsc")],
    ...["-p", join(root, "tsconfig/types-consumer.json")],
  ],
};

/** Runs of the suite by name: the runtime, and what else each is told. Node's is in two parts, of which vitest.config.ts tells. */
const runs = {
  measured: { runtime: "node", args: ["--coverage"], env: { FRAMEWIRE_PART: "measured" } },
  node: { runtime: "node", env: { FRAMEWIRE_PART: "rest" } },
  deno: { runtime: "deno" },
  bun: { runtime: "bun" },
};

const reportOf = (name) => join(results, `${name}.json`);

/** Seconds of each step in the last run that came to its end. */
function secondsOfLastRun() {
  try {
    return JSON.parse(readFileSync(secondsFile, "utf8"));
  } catch {
    return {};
  }
}

const last = secondsOfLastRun();

function checkStep(name, needed) {
  return new Step(name, checks[name], process.env, last[name], needed);
}

function suiteStep(name) {
  const { runtime, args = [], env } = runs[name];
  const command = [
    ...launchers[runtime],
    ...["run", ...args],
    ...["--reporter=default", `--reporter=${join(root, "scripts/progress-reporter.mjs")}`],
    ...["--reporter=json", `--outputFile.json=${reportOf(name)}`],
  ];
  const told = {
    ...environmentOf(runtime),
    FRAMEWIRE_PROGRESS: JSON.stringify(timesOf(reportOf(name))),
    ...env,
  };
  return new Step(name, command, told, last[name]);
}

const build = checkStep("build");
const afterBuild = ["types", "declarations"].map((name) => checkStep(name, build));

// Node's suite has the folders that start programs, and takes as long as all the rest.
const lanes = [
  [build, suiteStep("measured"), suiteStep("node")],
  [
    ...["format", "lint", "slices"].map((name) => checkStep(name)),
    ...afterBuild,
    suiteStep("deno"),
    suiteStep("bun"),
  ],
];
const steps = lanes.flat();

rmSync(results, { recursive: true, force: true });
mkdirSync(results, { recursive: true });
console.log(`--- ${showProgress(lanes, Date.now())}`);
await runLanes(lanes);
const seconds = Object.fromEntries(steps.map(({ name, seconds }) => [name, seconds]));
writeFileSync(secondsFile, JSON.stringify(seconds));

console.log();
const reports = Object.keys(runs).map((name) => ({ name, ...readReport(reportOf(name)) }));
for (const runtime of runtimes) {
  const own = reports.filter(({ name }) => runs[name].runtime === runtime);
  console.log(`${runtime}: ${shown(sumOf(own))}`);
}
const total = sumOf(reports);
const failed = steps.filter(({ isOk }) => !isOk).map(({ name }) => name);
// A check counts as a test of its own, and so does a run that fails for more than its tests, as for coverage.
for (const name of Object.keys(checks)) {
  if (failed.includes(name)) total.failed++;
  else total.passed++;
}
if (failed.length > 0 && total.failed === 0) total.failed = 1;

// What failed, by name, at the end of the log: there it is found.
for (const name of failed) console.log(`failed: ${name}`);
for (const { name, failures } of reports) {
  for (const failure of failures) console.log(`failed: ${runs[name].runtime}: ${failure}`);
}
console.log(shown(total));
process.exitCode = total.failed === 0 ? 0 : 1;
