/**
 * `npm test`: static checks, then the whole suite on Node, on Deno and on Bun, then coverage of all three together.
 *
 * Its last line is `N passed, N failed, N skipped`, counted from the reports of the three runs.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { ensureBuilt, root, runtimeCommand } from "./built.mjs";

/** What failed, by name, for the end of the log: there it is found. */
const failures = [];

const vitest = join(root, "node_modules/vitest/vitest.mjs");
const results = join(root, ".test-results");
const blobs = join(root, ".vitest-reports");

/** How each runtime runs vitest in itself. */
const launchers = {
  node: [process.execPath, vitest],
  deno: [runtimeCommand("deno")[0], "run", "-A", vitest],
  // Without --bun, Bun obeys vitest's shebang and starts Node.
  bun: [runtimeCommand("bun")[0], "--bun", vitest],
};

/** Runs a program to its end, its output shown; tells whether it succeeded. */
function run(name, [program, ...args], env = {}) {
  console.log(`\n=== ${name}`);
  const start = Date.now();
  const { status } = spawnSync(program, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
  console.log(`=== ${name}: ${status === 0 ? "ok" : "FAILED"} in ${(Date.now() - start) / 1000} s`);
  if (status !== 0) failures.push(name);
  return status === 0;
}

function runSuite(runtime) {
  const args = ["run", "--coverage", "--coverage.reporter=json"];
  const reports = [
    "--reporter=default",
    "--reporter=blob",
    `--outputFile.blob=${join(blobs, `${runtime}.json`)}`,
    "--reporter=json",
    `--outputFile.json=${join(results, `${runtime}.json`)}`,
  ];
  return run(`suite on ${runtime}`, [...launchers[runtime], ...args, ...reports], {
    FRAMEWIRE_RUNTIME: runtime,
    DENO_V8_FLAGS: "--expose-gc",
  });
}

/** Counts of one run's report; a run that left none has failed. */
function countsOf(runtime) {
  try {
    const report = JSON.parse(readFileSync(join(results, `${runtime}.json`), "utf8"));
    for (const { name, assertionResults } of report.testResults) {
      for (const { status, fullName } of assertionResults) {
        if (status === "failed") failures.push(`${runtime}: ${relative(root, name)}: ${fullName}`);
      }
    }
    return {
      passed: report.numPassedTests,
      // A file that fails before its first test counts as one failure.
      failed:
        report.numFailedTests +
        report.testResults.filter(
          (file) => file.status === "failed" && file.assertionResults.length === 0,
        ).length,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

for (const folder of [results, blobs]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
const node = process.execPath;
ensureBuilt();
const checks = [
  // Forced: tsc's memory of the last run does not notice a newly built package.
  run("types", [node, join(root, "node_modules/typescript/bin/tsc"), "-b", "--force"]),
  run("lint", [node, join(root, "node_modules/eslint/bin/eslint.js"), "."]),
  run("format", [
    node,
    join(root, "node_modules/prettier/bin/prettier.cjs"),
    "--check",
    "--log-level=warn",
    ".",
  ]),
];
const suites = Object.keys(launchers).map(runSuite);
checks.push(
  run("coverage of all three", [node, vitest, "--merge-reports", "--coverage", "--reporter=dot"]),
);

const total = { passed: 0, failed: 0, skipped: 0 };
for (const runtime of Object.keys(launchers)) {
  const counts = countsOf(runtime);
  console.log(
    `${runtime}: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`,
  );
  for (const key of Object.keys(total)) total[key] += counts[key];
}
// A check counts as a test of its own, and so does a run that fails for more than its tests.
total.passed += checks.filter(Boolean).length;
total.failed += checks.filter((passed) => !passed).length;
for (const failure of failures) console.log(`failed: ${failure}`);
if (suites.includes(false) && total.failed === 0) total.failed = 1;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
