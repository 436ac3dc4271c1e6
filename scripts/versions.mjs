/**
 * `npm run versions`: the suites that touch a runtime, on the versions that framewire is for, and the table of TLS cases also
 * on some that it is not for. Writes what came out into docs/runtimes.md.
 *
 *   node scripts/versions.mjs                    all of them, and the table
 *   node scripts/versions.mjs --tls              all of them, the TLS table alone, and the table in the page
 *   node scripts/versions.mjs --quick            each major of Node, a few suites; no table (for CI)
 *   node scripts/versions.mjs node@22 bun@1.4.5  these; no table (with --tls: the TLS table alone)
 *
 * A version is a range for npm, which finds the newest one that fits. Programs come from npm's packages and are kept in
 * node_modules/.cache, so that a second run downloads nothing but what is new. A version that cannot be had is a failure, and
 * all others are tried out nevertheless.
 */

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ensureBuilt, root } from "./built.mjs";
import { install } from "./versions-install.mjs";
import { countReport, countTls, headline, isBad, timeOf } from "./versions-results.mjs";
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
const unknown = args.filter((one) => one.startsWith("--") && !["--quick", "--tls"].includes(one));
if (unknown.length > 0) throw new Error(`Options are --quick and --tls: ${unknown.join(" ")}`);
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

/** What is to be said of a program that has left no counts. */
function troubleOf({ error }) {
  return { trouble: error?.code === "ETIMEDOUT" ? `over ${timeOf(longest)}` : "does not run" };
}

/** Runs vitest with a program, and counts. */
function runVitest(launcher, folders, env, report) {
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const outputFile = join(results, report);
  const ended = run(
    [...launcher, vitest, "run", ...folders, "--reporter=json", `--outputFile=${outputFile}`],
    env,
  );
  try {
    return countReport(JSON.parse(readFileSync(outputFile, "utf8")), ended.status);
  } catch {
    return troubleOf(ended);
  }
}

/** Plays the table of TLS cases, without vitest. */
function runTls(runtime, launcher) {
  const ended = run([...launcher, "test/support/tls/program.mjs", `dist/${runtime}.mjs`]);
  return countTls(ended.stdout ?? "") ?? troubleOf(ended);
}

/** Does one part of a version's, and says what came of it. */
function part(label, doIt) {
  const start = Date.now();
  const counts = doIt();
  const { passed, failed, skipped, trouble, failures = [] } = counts;
  const told = trouble ?? `${passed} passed, ${failed} failed, ${skipped} skipped`;
  console.log(`  ${label}: ${told} (${timeOf(Date.now() - start)})`);
  for (const failure of failures) console.log(`    failed: ${failure}`);
  return counts;
}

/** Tries one version out: one that framewire is for with the suites, too. */
function tryOut(one) {
  const { runtime, version, program, isSupported } = one;
  if (program === undefined) {
    console.log(`  ${one.trouble}: ${one.reason}`);
    return one;
  }
  const launcher = launchers[runtime](program);
  const tls = part("TLS table", () => runTls(runtime, launcher));
  if (!isSupported || isTlsAlone) return { ...one, tls };
  const chosen = isQuick ? quickSuites : suites;
  const env = { FRAMEWIRE_RUNTIME: runtime };
  const name = `${runtime}-${version}.json`;
  const own = part("suites", () => runVitest(launcher, chosen, env, name));
  if (isQuick) return { ...one, tls, own };
  // The programs of the matrix run on this version, the test on the Node at hand.
  const programs = { [`FRAMEWIRE_${runtime.toUpperCase()}`]: program };
  const matrix = part("matrix", () =>
    runVitest([process.execPath], ["test/matrix"], programs, `matrix-${name}`),
  );
  return { ...one, tls, own, matrix };
}

/** Installs each, before the first is tried out, and gives those that are the same version once. */
function installed(specs, isSupported) {
  const found = new Map();
  for (const spec of specs) {
    try {
      const one = install(spec);
      found.set(one.program, { ...one, isSupported });
    } catch (error) {
      const [runtime, version] = spec.split("@");
      const [reason] = String(error).split("\n");
      found.set(spec, { runtime, version, isSupported, trouble: "not to be had", reason });
    }
  }
  return [...found.values()];
}

const hasTable = named.length === 0 && !isQuick;

ensureBuilt();
const versions = [...installed(wanted, true), ...installed(hasTable ? old : [], false)];
// The TLS table takes seconds, the suites minutes.
const weights = versions.map(({ isSupported }) => (isSupported && !isTlsAlone ? 30 : 1));
const start = Date.now();
const rows = versions.map((one, at) => {
  const title = `${one.runtime} ${one.version}`;
  console.log(headline(title, at, weights, Date.now() - start));
  return tryOut(one);
});
if (hasTable) {
  const page = join(root, "docs/runtimes.md");
  writeFileSync(page, withTable(readFileSync(page, "utf8"), rows, isTlsAlone));
  console.log("docs/runtimes.md has the table");
}
rmSync(results, { recursive: true });
const bad = rows.filter(isBad);
for (const { runtime, version } of bad) console.log(`failed: ${runtime} ${version}`);
process.exitCode = bad.length === 0 ? 0 : 1;
