/**
 * `npm run -s drivers:table`: writes the tables of docs/scaling.md that compare the drivers of backplanes: what each does, from what
 * test/runtime/guarantees.test.ts has seen, and how fast it is, from bench/results/backplanes.json. With `-- --run` the tests look anew
 * first.
 */

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { median } from "../bench/statistics.mjs";
import { root } from "./built.mjs";

export const page = join(root, "docs/scaling.md");
const folder = join(root, "test/runtime/guarantees");
const results = join(root, "bench/results/backplanes.json");

/** Drivers in the order of the page's sections; others follow. */
const order = [
  "localBackplane",
  "localBackplane with history",
  "workerBackplane",
  "clusterBackplane",
  "redisBackplane",
  "natsBackplane",
  "postgresBackplane",
  "redisStreams",
  "natsStreams",
];

function placeOf(driver) {
  const place = order.indexOf(driver);
  return place < 0 ? order.length : place;
}

function tableOf([titles, ...lines]) {
  return [titles, titles.map(() => "---"), ...lines]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

/** "`localBackplane` with history" */
function nameOf(driver) {
  const [name, ...rest] = driver.split(" ");
  return [`\`${name}\``, ...rest].join(" ");
}

/** What each driver does. Those that do the same share a column. */
export function guaranteesTable() {
  const drivers = readdirSync(folder)
    .map((file) => file.replace(/\.json$/, ""))
    .sort((a, b) => placeOf(a) - placeOf(b));
  const columns = new Map();
  const rows = new Set();
  for (const driver of drivers) {
    const text = readFileSync(join(folder, `${driver}.json`), "utf8");
    const seen = JSON.parse(text);
    for (const row of Object.keys(seen)) rows.add(row);
    if (columns.has(text)) columns.get(text).names.push(driver);
    else columns.set(text, { names: [driver], seen });
  }
  const all = [...columns.values()];
  return tableOf([
    ["", ...all.map(({ names }) => names.map(nameOf).join(", "))],
    ...[...rows].map((row) => [row, ...all.map(({ seen }) => seen[row] ?? "–")]),
  ]);
}

/** "12 000" */
function grouped(number) {
  return String(Number(number.toPrecision(2))).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** The median of a figure over the rounds, or "–" where there is none. */
function middle(samples = [], name, text) {
  const value = median(samples.map((sample) => sample[name]).filter((each) => each !== undefined));
  return value === undefined ? "–" : text(value);
}

/** How fast each driver is on Node, and its client as it is. */
export function speedTable() {
  const { rows } = JSON.parse(readFileSync(results, "utf8"));
  const lines = [
    [
      "",
      "CPU, µs a message",
      "of the client as it is",
      "there and back, ms",
      "of the client as it is",
      "messages a second",
      "of the client as it is",
    ],
  ];
  for (const { runtime, row, peers } of rows) {
    if (runtime !== "node") continue;
    const both = (...figure) => [middle(peers.framewire, ...figure), middle(peers.bare, ...figure)];
    lines.push([
      row,
      ...both("cpu", (value) => (value * 1e6).toFixed(0)),
      ...both("middle", (value) => value.toFixed(2)),
      ...both("value", grouped),
    ]);
  }
  return tableOf(lines);
}

const tables = { guarantees: guaranteesTable, speed: speedTable };

/** The page with its tables as they are to be. */
export function written(text) {
  let now = text;
  for (const [name, table] of Object.entries(tables)) {
    const [begin, end] = [
      `<!-- begin ${name}: npm run -s drivers:table -->`,
      `<!-- end ${name} -->`,
    ];
    const [from, to] = [now.indexOf(begin), now.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`${page} has no place for the table of ${name}`);
    now = `${now.slice(0, from + begin.length)}\n\n${table()}\n\n${now.slice(to)}`;
  }
  return now;
}

function look() {
  const { status } = spawnSync(
    process.execPath,
    [
      join(root, "node_modules/vitest/vitest.mjs"),
      ...["run", "test/runtime/guarantees.test.ts", "--update"],
    ],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
  );
  if (status !== 0) throw new Error("Not all drivers could be looked at");
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  if (process.argv.includes("--run")) look();
  writeFileSync(page, written(readFileSync(page, "utf8")));
}
