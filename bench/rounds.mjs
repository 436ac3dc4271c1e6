/**
 * Rounds outside, servers inside: each round compares neighbours in time, since a machine has good and bad minutes.
 */

import { runLoad, servers, startServer } from "./programs.mjs";
import { median, ratios } from "./statistics.mjs";

/**
 * Measures one runtime.
 *
 * @param unit What is counted in a second.
 * @param scenarios Each with the `name` of its row and what its load program is told.
 * @param program The load program, a file in bench/.
 */
export async function measureRuntime(runtime, { unit, scenarios, program }, { rounds, ...times }) {
  const names = Object.keys(servers[runtime]);
  const running = {};
  for (const name of names) running[name] = await startServer(runtime, name);
  const rows = [];
  for (const { name: scenario, ...load } of scenarios) {
    const rates = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        const kind = name === "TCP" ? "tcp" : "ws";
        const { port } = running[name];
        const rate = await runLoad(program, {
          ...load,
          kind,
          port,
          warm: times.warm,
          measure: times.measure,
        });
        console.error(
          `${runtime}, ${scenario}, round ${round + 1} of ${rounds}, ${name}: ${thousands(rate)} k ${unit}/s`,
        );
        rates[name].push(rate);
      }
    }
    rows.push({ runtime, scenario, rates });
  }
  await Promise.all(names.map((name) => running[name].stop()));
  return rows;
}

export function thousands(rate) {
  if (rate === undefined) return "failed";
  const k = rate / 1000;
  return k >= 100 ? k.toFixed(0) : k >= 10 ? k.toFixed(1) : k.toFixed(2);
}

export function ratioText({ median: middle, least, most }) {
  if (middle === undefined) return "-";
  return `${middle.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`;
}

export function middleOf(rates) {
  return thousands(median(rates.filter((rate) => rate !== undefined)));
}

/** The results as a Markdown table: medians in thousands a second, ratios with their spread. */
export function toTable(what, rows) {
  const lines = [
    `| runtime | ${what} | framewire | ws or own | TCP | framewire / ws or own | framewire / TCP |`,
    "| --- | --- | --- | --- | --- | --- | --- |",
  ];
  for (const { runtime, scenario, rates } of rows) {
    const other = rates.ws ?? rates.own;
    const cells = [
      runtime,
      scenario,
      middleOf(rates.framewire),
      `${middleOf(other)} (${rates.ws ? "ws" : "own"})`,
      middleOf(rates.TCP),
      ratioText(ratios(rates.framewire, other)),
      ratioText(ratios(rates.framewire, rates.TCP)),
    ];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

/** Makes a benchmark that compares the servers of each runtime under one load. */
export function comparison({ title, explanation, what, ...plan }) {
  return {
    title,
    explanation,
    async run(options) {
      const rows = [];
      for (const runtime of options.runtimes) {
        rows.push(...(await measureRuntime(runtime, plan, options)));
      }
      return { rows, table: toTable(what, rows) };
    },
  };
}
