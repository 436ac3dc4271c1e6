/**
 * Results as tables.
 */

import { aims } from "./aims.mjs";
import { ratios, spread } from "./statistics.mjs";

function numberText(number) {
  return number >= 100 ? number.toFixed(0) : number.toPrecision(3);
}

/** A median with its spread. */
export function spreadText(all) {
  if (all === undefined) return "-";
  const [middle, least, most] = [all.median, all.least, all.most].map(ratioText);
  return all.least === all.most ? middle : `${middle} (${least}-${most})`;
}

function ratioText(ratio) {
  return ratio >= 10 ? ratio.toFixed(1) : ratio.toFixed(2);
}

function column(samples, name) {
  return samples.map((sample) => sample[name]);
}

/** What a row says of the library and one other: figures, ratios and the aim. */
export function compare(benchmark, figure, { runtime, row, peers }, name) {
  const [ours, theirs] = [peers.framewire, peers[name] ?? []];
  const ratio = ratios(column(ours, "value"), column(theirs, "value"));
  // The other way round, so that more is better here as well.
  const byCpu = ratios(column(theirs, "cpu"), column(ours, "cpu"));
  const aim = aims[benchmark]?.[row]?.[runtime]?.[name];
  return {
    runtime,
    row,
    name,
    ours: spread(column(ours, "value"))?.median,
    theirs: spread(column(theirs, "value"))?.median,
    ratio,
    byCpu,
    aim,
    verdict: verdictOf(figure, ratio?.median, aim),
    failure: failureOf("framewire", ours) ?? failureOf(name, theirs),
  };
}

/** What became of an aim: undefined where there is none. */
function verdictOf({ better }, ratio, aim) {
  if (aim === undefined) return undefined;
  if (ratio === undefined) return "not measured";
  // Judged as it is printed.
  const missing = better === "less" ? ratio / aim - 1 : 1 - ratio / aim;
  return missing <= 0.0049 ? "met" : `missed by ${(missing * 100).toFixed(0)} %`;
}

function failureOf(name, samples) {
  const failures = samples.filter(({ failure }) => failure !== undefined);
  if (failures.length === 0) return undefined;
  return `${name} failed in ${failures.length} of ${samples.length}: ${failures[0].failure}`;
}

/** An aim, and what became of it. */
export function aimText({ better }, { aim, verdict }) {
  return aim === undefined ? "-" : `${better === "less" ? "at most " : ""}${aim}: ${verdict}`;
}

/** Whom the library is compared with in a row. */
export function rivalsOf({ peers }) {
  return Object.keys(peers).filter((name) => name !== "framewire");
}

function costs(samples) {
  const all = spread(column(samples, "cpu"));
  return all === undefined ? "-" : numberText(all.median * 1e6);
}

function share(samples) {
  const all = spread(column(samples, "busy"));
  return all === undefined ? "-" : `${(all.median * 100).toFixed(0)} %`;
}

/** A Markdown table of lines of cells, the first of which are its titles. */
export function markdownTable([titles, ...lines]) {
  return [titles, titles.map(() => "---"), ...lines]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

/** The rows of a benchmark that compares, each with each other of its runtime. */
export function comparisonTable(benchmark, figure, rows) {
  const { what, unit, scale = 1, each } = figure;
  const hasCpu = each !== undefined;
  const titles = ["runtime", what, "against", `framewire, ${unit}`, `other, ${unit}`, "ratio"];
  if (hasCpu) titles.push(`CPU, us a ${each}`, "ratio by CPU", "busy");
  titles.push("aim");
  const lines = [titles];
  const failures = [];
  for (const row of rows) {
    // One that nothing is compared with has its line as well.
    for (const name of rivalsOf(row).length > 0 ? rivalsOf(row) : [undefined]) {
      const result = compare(benchmark, figure, row, name);
      const value = (number) => (number === undefined ? "failed" : numberText(number * scale));
      const cells = [
        row.runtime,
        row.row,
        name ?? "-",
        value(result.ours),
        name === undefined ? "-" : value(result.theirs),
        spreadText(result.ratio),
      ];
      if (hasCpu) {
        const [ours, theirs] = [row.peers.framewire, row.peers[name] ?? []];
        cells.push(
          `${costs(ours)}, ${costs(theirs)}`,
          spreadText(result.byCpu),
          `${share(ours)}, ${share(theirs)}`,
        );
      }
      lines.push([...cells, aimText(figure, result)]);
      if (result.failure !== undefined) {
        failures.push(`- ${row.runtime}, ${row.row}: ${result.failure}`);
      }
    }
  }
  const table = markdownTable(lines);
  return failures.length === 0 ? table : `${table}\n\n${[...new Set(failures)].join("\n")}`;
}
