/**
 * `npm test`: static checks, then the whole suite on Node, on Deno and on Bun, then coverage of all three together.
 *
 * It says how long it will still take, by the times of the last run. Its last line is `N passed, N failed, N skipped`,
 * counted from the reports of the three runs.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { ensureBuilt, root } from "./built.mjs";
import { showSeconds } from "./progress.mjs";
import {
  environmentOf,
  launchers,
  readReport,
  runtimes,
  shown,
  sumOf,
  timesOf,
  vitest,
} from "./suites.mjs";

const results = join(root, ".test-results");
const blobs = join(root, ".vitest-reports");
const secondsFile = join(results, "seconds.json");

const node = process.execPath;
const modules = join(root, "node_modules");
const prettier = join(modules, "prettier/bin/prettier.cjs");

/** What is run, in this order: names and commands. Runtimes are names of suites. */
const steps = {
  // Forced: tsc's memory of the last run does not notice a newly built package.
  types: [node, join(modules, "typescript/bin/tsc"), "-b", "--force"],
  lint: [node, join(modules, "eslint/bin/eslint.js"), "."],
  format: [node, prettier, "--check", "--log-level=warn", "."],
  ...Object.fromEntries(runtimes.map((runtime) => [runtime, suiteOn(runtime)])),
  "coverage of all three": [node, vitest, "--merge-reports", "--coverage", "--reporter=dot"],
};
const names = Object.keys(steps);

function suiteOn(runtime) {
  return [
    ...launchers[runtime],
    ...["run", "--coverage", "--coverage.reporter=json"],
    ...["--reporter=default", `--reporter=${join(root, "scripts/progress.mjs")}`],
    ...["--reporter=blob", `--outputFile.blob=${join(blobs, `${runtime}.json`)}`],
    ...["--reporter=json", `--outputFile.json=${join(results, `${runtime}.json`)}`],
  ];
}

/** Seconds of each step in the last run that came to its end. */
function secondsOfLastRun() {
  try {
    return JSON.parse(readFileSync(secondsFile, "utf8"));
  } catch {
    return {};
  }
}

const last = secondsOfLastRun();
const lastFiles = Object.fromEntries(
  runtimes.map((runtime) => [runtime, timesOf(join(results, `${runtime}.json`))]),
);
const seconds = {};

/** Seconds from a step on, by the last run; 0 where that is not known. */
function secondsFrom(index) {
  return names.slice(index).reduce((sum, name) => sum + (last[name] ?? 0), 0);
}

/** Runs a step to its end, its output shown; tells whether it succeeded. */
function run(name) {
  const index = names.indexOf(name);
  const suite = runtimes.indexOf(name);
  const title = suite < 0 ? name : `suite ${suite + 1} of ${runtimes.length}, on ${name}`;
  const left = last[name] === undefined ? "" : `, about ${showSeconds(secondsFrom(index))} left`;
  console.log(`\n=== ${title}${left}`);
  const later = secondsFrom(index + 1);
  const progress = { name: title, later, files: lastFiles[name] };
  const start = Date.now();
  const [program, ...args] = steps[name];
  const { status } = spawnSync(program, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env:
      suite < 0
        ? process.env
        : { ...environmentOf(name), FRAMEWIRE_PROGRESS: JSON.stringify(progress) },
  });
  seconds[name] = (Date.now() - start) / 1000;
  console.log(`=== ${title}: ${status === 0 ? "ok" : "FAILED"} in ${seconds[name]} s`);
  return status === 0;
}

for (const folder of [results, blobs]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
ensureBuilt();
const failed = names.filter((name) => !run(name));
writeFileSync(secondsFile, JSON.stringify({ ...last, ...seconds }));

const reports = runtimes.map((runtime) => readReport(join(results, `${runtime}.json`)));
runtimes.forEach((runtime, i) => {
  console.log(`${runtime}: ${shown(reports[i])}`);
});
const total = sumOf(reports);
// A check counts as a test of its own, and so does a run that fails for more than its tests.
const checks = names.filter((name) => !runtimes.includes(name));
total.passed += checks.filter((name) => !failed.includes(name)).length;
total.failed += checks.filter((name) => failed.includes(name)).length;
if (failed.length > 0 && total.failed === 0) total.failed = 1;

// What failed, by name, at the end of the log: there it is found.
for (const name of failed) console.log(`failed: ${name}`);
runtimes.forEach((runtime, i) => {
  for (const failure of reports[i].failures) console.log(`failed: ${runtime}: ${failure}`);
});
console.log(shown(total));
process.exitCode = total.failed === 0 ? 0 : 1;
