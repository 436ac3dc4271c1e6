/**
 * `npm run versions`: the suites that touch a runtime, on the versions that framewire is for, and the table of TLS cases also
 * on some that it is not for. Writes what came out into docs/runtimes.md.
 *
 *   node scripts/versions.mjs                    all of them, and the table
 *   node scripts/versions.mjs --tls              all of them, the TLS table alone, and the table in the page
 *   node scripts/versions.mjs --quick            each major of Node, a few suites; no table (for CI)
 *   node scripts/versions.mjs node@22 bun@1.4.5  these; no table
 *
 * A version is a range for npm, which finds the newest one that fits. Programs come from npm's packages and are kept in
 * node_modules/.cache, so that a second run downloads nothing but what is new.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ensureBuilt, root } from "./built.mjs";
import { install } from "./versions-install.mjs";
import { withTable } from "./versions-table.mjs";

const all = [
  "node@20.19.0",
  "node@20",
  "node@22",
  "node@24",
  "node@26",
  "deno@2.9.4",
  "deno@2",
].concat("bun@1.4.5", "bun@1");
/** Below what `engines` say: they are to refuse what they cannot check. */
const old = ["deno@2.8.0", "bun@1.2", "bun@1.3.9", "bun@1.4.0"];
const quick = ["node@20.19.0", "node@22", "node@24", "node@26"];

const suites = ["test/runtime", "test/adapters", "test/hostile/sockets.test.ts", "test/flate"];
const quickSuites = ["test/runtime/tls-table.test.ts", "test/runtime/connect.test.ts"];

/** Milliseconds for one suite on one version: what hangs has failed. */
const longest = 15 * 60_000;

const args = process.argv.slice(2);
const isQuick = args.includes("--quick");
const isTlsAlone = args.includes("--tls");
const named = args.filter((one) => !one.startsWith("--"));
const wanted = named.length > 0 ? named : isQuick ? quick : all;
const results = mkdtempSync(join(tmpdir(), "framewire-versions-"));

/** How each runtime runs a file. */
const launchers = {
  node: (program) => [program],
  deno: (program) => [program, "run", "--no-prompt", "-A"],
  bun: (program) => [program, "--bun"],
};

function run([program, ...rest], env = {}) {
  return spawnSync(program, rest, {
    cwd: root,
    encoding: "utf8",
    timeout: longest,
    maxBuffer: 2 ** 28,
    env: { ...process.env, DENO_V8_FLAGS: "--expose-gc", ...env },
  });
}

/** Runs vitest with a program, and counts; undefined where it does not start there. */
function runVitest(launcher, folders, env, report) {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const outputFile = join(results, report);
  run(
    [...launcher, vitest, "run", ...folders, "--reporter=json", `--outputFile=${outputFile}`],
    env,
  );
  try {
    return countsOf(JSON.parse(readFileSync(outputFile, "utf8")));
  } catch {
    return undefined;
  }
}

function countsOf({ testResults, numPassedTests, numFailedTests, numPendingTests }) {
  const failures = [];
  for (const { name, status, assertionResults } of testResults) {
    for (const one of assertionResults) if (one.status === "failed") failures.push(one.fullName);
    if (status === "failed" && assertionResults.length === 0) failures.push(name);
  }
  const empty = failures.length - numFailedTests;
  return {
    passed: numPassedTests,
    failed: numFailedTests + Math.max(0, empty),
    skipped: numPendingTests,
    failures,
  };
}

/** Plays the table of TLS cases, without vitest. */
function runTls(runtime, launcher) {
  const { stdout } = run([...launcher, "test/support/tls/program.mjs", `dist/${runtime}.mjs`]);
  const lines = stdout.trim().split("\n");
  try {
    const counts = JSON.parse(lines.at(-1));
    return { ...counts, failures: lines.filter((line) => line.startsWith('{"way"')) };
  } catch {
    return undefined;
  }
}

function say(label, counts) {
  if (counts === undefined) console.log(`  ${label}: does not run`);
  else {
    const { passed, failed, skipped, failures } = counts;
    console.log(`  ${label}: ${passed} passed, ${failed} failed, ${skipped} skipped`);
    for (const failure of failures) console.log(`    failed: ${failure}`);
  }
}

/** Tries one version out; `isSupported`: with the suites, too. */
function tryOut({ runtime, version, program }, isSupported) {
  console.log(`${runtime} ${version}`);
  const launcher = launchers[runtime](program);
  const tls = runTls(runtime, launcher);
  say("TLS table", tls);
  if (!isSupported || isTlsAlone) return { runtime, version, isSupported, tls };
  const chosen = isQuick ? quickSuites : suites;
  const env = { FRAMEWIRE_RUNTIME: runtime };
  const own = runVitest(launcher, chosen, env, `${runtime}-${version}.json`);
  say("suites", own);
  if (isQuick) return { runtime, version, isSupported, tls, own };
  // The programs of the matrix run on this version, the test on the Node at hand.
  const programs = { [`FRAMEWIRE_${runtime.toUpperCase()}`]: program };
  const matrix = runVitest([process.execPath], ["test/matrix"], programs, `matrix-${version}.json`);
  say("matrix", matrix);
  return { runtime, version, isSupported, tls, own, matrix };
}

/** Installs each, and gives those that are the same version once. */
function installed(specs) {
  const found = new Map(specs.map((spec) => install(spec)).map((one) => [one.program, one]));
  return [...found.values()];
}

ensureBuilt();
const rows = installed(wanted).map((one) => tryOut(one, true));
if (named.length === 0 && !isQuick) {
  rows.push(...installed(old).map((one) => tryOut(one, false)));
  const page = join(root, "docs/runtimes.md");
  writeFileSync(page, withTable(readFileSync(page, "utf8"), rows, isTlsAlone));
  console.log("docs/runtimes.md has the table");
}
rmSync(results, { recursive: true });
const isBad = (counts) => counts === undefined || counts.failed > 0;
const bad = rows.filter(
  ({ isSupported, tls, own, matrix }) =>
    isSupported && (isBad(tls) || (!isTlsAlone && (isBad(own) || (!isQuick && isBad(matrix))))),
);
for (const { runtime, version } of bad) console.log(`failed: ${runtime} ${version}`);
process.exitCode = bad.length === 0 ? 0 : 1;
