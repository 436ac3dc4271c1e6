/**
 * `npm run test:quick -- <path> ...`: the tests whose paths contain one of these, on the three runtimes at once, without
 * coverage. Prints a line for each runtime, what a run that fails has to say, and the sum, in the form of `npm test`.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ensureBuilt, root } from "./built.mjs";
import { environmentOf, launchers, readReport, runtimes, shown, sumOf } from "./suites.mjs";

const paths = process.argv.slice(2);
if (paths.length === 0) {
  console.error("usage: npm run test:quick -- <path> ...");
  process.exit(2);
}

/** What starts programs of the built package; all other tests import its sources. */
const needsBuild = /^(?:\.\/)?test\/?$|\b(?:interop|matrix|browser|package|edge|runtime)\b/;
const isBuilt = paths.some((path) => needsBuild.test(path));
if (isBuilt) ensureBuilt();

/** Runs the tests on a runtime; gives all that was printed, and the counts. */
function runOn(runtime, folder) {
  const report = join(folder, `${runtime}.json`);
  const [program, ...first] = launchers[runtime];
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const child = spawn(program, [...first, "run", "--passWithNoTests", ...reporters, ...paths], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...environmentOf(runtime), FRAMEWIRE_BUILD: "no", FRAMEWIRE_WORKERS: "1" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => (output += chunk));
  }
  const start = Date.now();
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      const counts = readReport(report);
      // It may fail for more than its tests.
      if (code !== 0 && counts.failed === 0) counts.failed = 1;
      if (counts.failed > 0) console.log(output);
      console.log(`${runtime}: ${shown(counts)}, in ${((Date.now() - start) / 1000).toFixed(1)} s`);
      resolve(counts);
    });
  });
}

const folder = mkdtempSync(join(tmpdir(), "framewire-quick-"));
const total = sumOf(await Promise.all(runtimes.map((runtime) => runOn(runtime, folder))));
rmSync(folder, { recursive: true });
console.log(shown(total));
// A path that is nowhere is a mistake, and no success.
process.exitCode = total.failed > 0 || total.passed + total.skipped === 0 ? 1 : 0;
