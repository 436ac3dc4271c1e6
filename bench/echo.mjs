/**
 * Echo throughput: messages a second that go to a server and come back, on each runtime, against its own or the usual
 * WebSocket server and against a plain TCP echo of the same bytes.
 */

import { runLoad, servers, startServer } from "./programs.mjs";
import { median, ratios } from "./statistics.mjs";

const scenarios = [
  { name: "16 B, 64 x 16", size: 16, connections: 64, inFlight: 16 },
  { name: "1 KiB, 64 x 16", size: 1024, connections: 64, inFlight: 16 },
  { name: "16 B, 64 x 1", size: 16, connections: 64, inFlight: 1 },
  { name: "64 KiB, 64 x 1", size: 64 * 1024, connections: 64, inFlight: 1 },
  { name: "1 MiB, 8 x 1", size: 1024 * 1024, connections: 8, inFlight: 1 },
];

/** Measures one runtime: rounds outside, servers inside, so that each round compares neighbours in time. */
async function measureRuntime(runtime, { rounds, warm, measure }) {
  const names = Object.keys(servers[runtime]);
  const running = {};
  for (const name of names) running[name] = await startServer(runtime, name);
  const rows = [];
  for (const { name: scenario, ...load } of scenarios) {
    const rates = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        const kind = name === "TCP" ? "tcp" : "ws";
        const rate = await runLoad({ ...load, kind, port: running[name].port, warm, measure });
        console.error(
          `${runtime}, ${scenario}, round ${round + 1} of ${rounds}, ${name}: ${thousands(rate)} k/s`,
        );
        rates[name].push(rate);
      }
    }
    rows.push({ runtime, scenario, rates });
  }
  await Promise.all(names.map((name) => running[name].stop()));
  return rows;
}

function thousands(rate) {
  if (rate === undefined) return "failed";
  const k = rate / 1000;
  return k >= 100 ? k.toFixed(0) : k >= 10 ? k.toFixed(1) : k.toFixed(2);
}

function ratioText({ median: middle, least, most }) {
  if (middle === undefined) return "-";
  return `${middle.toFixed(2)} (${least.toFixed(2)}-${most.toFixed(2)})`;
}

function middleOf(rates) {
  return thousands(median(rates.filter((rate) => rate !== undefined)));
}

/** The results as a Markdown table: medians in thousand messages a second, ratios with their spread. */
function toTable(rows) {
  const lines = [
    "| runtime | echo | framewire | ws or own | TCP | framewire / ws or own | framewire / TCP |",
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

export const echo = {
  title: "Echo, thousand messages a second",
  explanation:
    "Payload, then connections x messages in flight on each. `ws` is npm's, `own` the runtime's own WebSocket server, " +
    "TCP a plain echo of the same bytes. Ratios are medians over the rounds, with the least and the most of them.",
  async run(options) {
    const rows = [];
    for (const runtime of options.runtimes) rows.push(...(await measureRuntime(runtime, options)));
    return { rows, table: toTable(rows) };
  },
};
