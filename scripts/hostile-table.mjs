/**
 * `npm run -s hostile:table`: writes docs/hostile-inputs.md from test/hostile/rows.json and from the reports of test runs,
 * which `npm test` leaves in .test-results. With `-- --run` the tests in question are run first, on each runtime, or on those that
 * follow it.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root, runtimeCommand } from "./built.mjs";

const vitest = join(root, "node_modules/vitest/vitest.mjs");
const launchers = {
  node: () => [process.execPath, vitest],
  deno: () => [runtimeCommand("deno")[0], "run", "-A", vitest],
  bun: () => [runtimeCommand("bun")[0], "--bun", vitest],
};
const runtimes = Object.keys(launchers);
const runtimeNames = { node: "Node", deno: "Deno", bun: "Bun" };

/** Files whose tests have rows in their titles. */
export const files = [
  ...readdirSync(join(root, "test/hostile"))
    .filter((name) => name.endsWith(".test.ts") && name !== "rows.test.ts")
    .map((name) => `test/hostile/${name}`),
  "test/runtime/tls-faults.test.ts",
];

function reportOf(runtime) {
  return join(root, ".test-results", `${runtime}.json`);
}

function run(runtime) {
  const [program, ...args] = launchers[runtime]();
  const { status } = spawnSync(
    program,
    [...args, "run", ...files, "--reporter=dot", "--reporter=json"].concat(
      `--outputFile.json=${reportOf(runtime)}`,
    ),
    {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, FRAMEWIRE_RUNTIME: runtime, DENO_V8_FLAGS: "--expose-gc" },
    },
  );
  if (status !== 0) throw new Error(`The tests fail on ${runtime}`);
}

/** The role that a test's title begins with, and the rows that are in it. */
export function parseTitle(title) {
  const [, role] = /^(?:a|every) (server|client)\b/.exec(title) ?? [];
  return { role, ids: title.match(/\b[A-L]-\d+/g) ?? [] };
}

/** For each row and role how many tests passed, and how many failed: what is left out on a runtime is neither. */
function countsOf(runtime) {
  const { testResults } = JSON.parse(readFileSync(reportOf(runtime), "utf8"));
  const counts = new Map();
  for (const { assertionResults } of testResults) {
    for (const { fullName, status } of assertionResults) {
      const { role, ids } = parseTitle(fullName);
      if (role === undefined) continue;
      for (const id of ids) {
        const key = `${role} ${id}`;
        const count = counts.get(key) ?? { passed: 0, other: 0 };
        if (status === "passed") count.passed++;
        else if (status === "failed") count.other++;
        counts.set(key, count);
      }
    }
  }
  return counts;
}

/** "16 of 16 (257)": rows that hold, of how many, and by how many tests. */
function cell(rows, role, counts) {
  const own = rows.filter(({ roles }) => roles.includes(role));
  if (own.length === 0) return "";
  const found = own.map(({ id }) => counts.get(`${role} ${id}`) ?? { passed: 0, other: 0 });
  const held = found.filter(({ passed, other }) => passed > 0 && other === 0).length;
  const tests = found.reduce((sum, { passed }) => sum + passed, 0);
  return `${held} of ${own.length} (${tests})`;
}

function line(cells) {
  return `| ${cells.join(" | ")} |`;
}

function countTable(sections, rows) {
  const counts = runtimes.map(countsOf);
  const roles = ["server", "client"];
  const cellsOf = (some) => roles.flatMap((role) => counts.map((count) => cell(some, role, count)));
  const heads = roles.flatMap((role) => runtimes.map((name) => `${role}, ${runtimeNames[name]}`));
  return [
    line(["section", ...heads]),
    line(["---", ...heads.map(() => "---")]),
    ...Object.entries(sections).map(([letter, title]) =>
      line([
        `${letter}. ${title}`,
        ...cellsOf(rows.filter(({ id }) => id.startsWith(`${letter}-`))),
      ]),
    ),
    line(["all", ...cellsOf(rows)]),
  ];
}

/** What follows from rows.json alone: the test compares it with the document. */
export function rowLines({ sections, rows }) {
  return Object.entries(sections).flatMap(([letter, title]) => [
    `### ${letter}. ${title}`,
    "",
    "| row | what a peer or an application does | framewire is |",
    "| --- | --- | --- |",
    ...rows
      .filter(({ id }) => id.startsWith(`${letter}-`))
      .map(({ id, title: what, roles }) => line([id, what, roles.join(", ")])),
    "",
  ]);
}

export function differenceLines({ rows }) {
  return rows
    .filter(({ difference }) => difference !== undefined)
    .map(({ id, title, difference }) => `- **${id}**, ${title}. ${difference}`);
}

function documentOf(table) {
  const tests = "`test/hostile`";
  return [
    "# Hostile input",
    "",
    "<!-- Written by scripts/hostile-table.mjs: npm run -s hostile:table -->",
    "",
    `This page lists what a hostile or broken peer can send, and what an application can do wrong, as ${table.rows.length} rows. It also`,
    "says how many tests show what framewire does about each. Read it to judge how safe framewire is on the open network.",
    "",
    `- The name of a row is in the titles of its tests, in ${tests}. Most rows are several cases of one table.`,
    "- The tests play each case whole, and cut at every byte, to servers and clients without a socket, and whole over real sockets.",
    "- After each case the connection has ended once and tells nothing more, no timer is left, no rejection is unhandled, and the server",
    "  serves the next connection.",
    "- For plain HTTP (L) the tests compare each answer byte for byte; those in memory, cut at every byte, run on Node only.",
    "",
    "What networks and machines do wrong is in [faults.md](faults.md), the limits are in [limits.md](limits.md).",
    "",
    "## Rows that hold",
    "",
    "For each section and role: how many rows have only passing tests, of how many rows there are, and (in brackets) how many tests.",
    "",
    ...countTable(table.sections, table.rows),
    "",
    "## Where framewire differs",
    "",
    "The rows come from RFCs, security advisories and the behaviour of other libraries. In six rows framewire deliberately gives another",
    "answer than these sources ask for:",
    "",
    ...differenceLines(table),
    "",
    "## The rows",
    "",
    ...rowLines(table),
  ].join("\n");
}

export const table = JSON.parse(readFileSync(join(root, "test/hostile/rows.json"), "utf8"));

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  mkdirSync(join(root, ".test-results"), { recursive: true });
  const [, , option, ...chosen] = process.argv;
  if (option === "--run") (chosen.length > 0 ? chosen : runtimes).forEach(run);
  writeFileSync(join(root, "docs/hostile-inputs.md"), documentOf(table));
}
