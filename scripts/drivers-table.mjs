/**
 * `npm run -s drivers:table`: writes the tables of docs/scaling.md that compare the drivers of backplanes: what each does, from what
 * test/runtime/guarantees.test.ts has seen, and how fast it is, from bench/results/backplanes.json. With `-- --run` the tests look anew
 * first.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { median, ratios } from "../bench/statistics.mjs";
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

function spreadOf(all, digits) {
  if (all === undefined) return "–";
  const [middle, least, most] = [all.median, all.least, all.most].map((n) => n.toFixed(digits));
  return `${middle} (${least} to ${most})`;
}

/** "12 000" */
function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** How fast each driver is on Node, and its client as it is. */
export function speedTable() {
  if (!existsSync(results)) return "";
  const { rows } = JSON.parse(readFileSync(results, "utf8"));
  const lines = [
    [
      "",
      "messages a second",
      "of those of the client as it is",
      "CPU of both servers, µs a message",
      "there and back, ms: median, 99 %",
    ],
  ];
  for (const { runtime, row, peers } of rows) {
    if (runtime !== "node") continue;
    const { framewire, bare = [] } = peers;
    const values = (samples, name) =>
      samples.map((sample) => sample[name]).filter((value) => value !== undefined);
    const middle = (samples, name, scale, digits) => {
      const value = median(values(samples, name));
      return value === undefined ? "–" : (value * scale).toFixed(digits);
    };
    const pair = (name, scale, digits) =>
      bare.length === 0
        ? middle(framewire, name, scale, digits)
        : `${middle(framewire, name, scale, digits)}; bare ${middle(bare, name, scale, digits)}`;
    const times = (samples) =>
      `${middle(samples, "middle", 1, 2)}, ${middle(samples, "late", 1, 1)}`;
    lines.push([
      row,
      grouped(Number((median(values(framewire, "value")) ?? 0).toPrecision(2))),
      spreadOf(
        ratios(
          framewire.map(({ value }) => value),
          bare.map(({ value }) => value),
        ),
        2,
      ),
      pair("cpu", 1e6, 0),
      bare.length === 0 ? times(framewire) : `${times(framewire)}; bare ${times(bare)}`,
    ]);
  }
  return tableOf(lines);
}

const tables = { guarantees: guaranteesTable };

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
