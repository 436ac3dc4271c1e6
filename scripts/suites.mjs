/**
 * How vitest is run in each runtime, and what its reports say: for `npm test` and `npm run test:quick`.
 */

import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { root, runtimeCommand } from "./built.mjs";

export const vitest = join(root, "node_modules/vitest/vitest.mjs");

/** How each runtime runs vitest in itself. */
export const launchers = {
  node: [process.execPath, vitest],
  deno: [runtimeCommand("deno")[0], "run", "-A", vitest],
  // Without --bun, Bun obeys vitest's shebang and starts Node.
  bun: [runtimeCommand("bun")[0], "--bun", vitest],
};

export const runtimes = Object.keys(launchers);

/** What the environment of a suite tells it. */
export function environmentOf(runtime) {
  return {
    ...process.env,
    // That of a suite within which this one is started.
    FRAMEWIRE_PART: undefined,
    FRAMEWIRE_RUNTIME: runtime,
    DENO_V8_FLAGS: "--expose-gc",
  };
}

/** Counts of one run's report, and what failed, by name; a run that left none has failed. */
export function readReport(path) {
  let report;
  try {
    report = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: 0, failures: ["no report"] };
  }
  const failures = [];
  for (const { name, status, assertionResults } of report.testResults) {
    const file = relative(root, name);
    for (const one of assertionResults) {
      if (one.status === "failed") failures.push(`${file}: ${one.fullName}`);
    }
    // A file that fails before its first test counts as one failure.
    if (status === "failed" && assertionResults.length === 0) failures.push(file);
  }
  return {
    passed: report.numPassedTests,
    failed: failures.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures,
  };
}

/** Milliseconds that each file of a run took, by its name; nothing where there is no report. */
export function timesOf(path) {
  try {
    const { testResults } = JSON.parse(readFileSync(path, "utf8"));
    const times = testResults.map(({ name, startTime, endTime }) => [
      relative(root, name),
      endTime - startTime,
    ]);
    return Object.fromEntries(times);
  } catch {
    return {};
  }
}

/** "N passed, N failed, N skipped". */
export function shown({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Counts of several runs together. */
export function sumOf(all) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const one of all) for (const key of Object.keys(total)) total[key] += one[key];
  return total;
}
