/**
 * Compressed echo: messages of JSON a second that go to a server and come back, both ways compressed, against npm's `ws`
 * on Node and Bun's own server.
 */

import { runLoadFully, startServer } from "./programs.mjs";
import { middleOf, ratioText, thousands } from "./rounds.mjs";
import { median, ratios } from "./statistics.mjs";

/** The servers on each runtime, and what they are told; the ratios are to all but the library's own. */
const servers = {
  node: {
    framewire: [null, ["--compression", "on"]],
    ws: ["servers/ws-deflate.mjs", []],
    "ws, threshold 0": ["servers/ws-deflate.mjs", ["0"]],
  },
  deno: { framewire: [null, ["--compression", "on"]] },
  bun: {
    framewire: [null, ["--compression", "on"]],
    own: ["servers/bun-deflate.mjs", []],
  },
};

const scenarios = [true, false].flatMap((takeover) =>
  [128, 4096, 65536].flatMap((size) =>
    [16, 1].map((inFlight) => ({ size, inFlight, takeover, connections: 64 })),
  ),
);

function nameOf({ size, inFlight, takeover }) {
  const bytes = size < 1024 ? `${size} B` : `${size / 1024} KiB`;
  return `${bytes}, 64 x ${inFlight}, ${takeover ? "takeover" : "no takeover"}`;
}

async function measureRuntime(runtime, { rounds, ...times }) {
  const names = Object.keys(servers[runtime]);
  const running = {};
  for (const name of names) {
    running[name] = await startServer(runtime, name, ...servers[runtime][name]);
  }
  const rows = [];
  for (const load of scenarios) {
    const rates = Object.fromEntries(names.map((name) => [name, []]));
    const sizes = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        const { port } = running[name];
        const result = await runLoadFully("load-compressed.mjs", { ...load, port, ...times });
        const rate = result && result.messages / result.seconds;
        rates[name].push(rate);
        if (result !== undefined) sizes[name].push(result.bytes / result.messages);
        console.error(
          `${runtime}, ${nameOf(load)}, round ${round + 1} of ${rounds}, ${name}: ${thousands(rate)} k messages/s`,
        );
      }
    }
    rows.push({ runtime, scenario: nameOf(load), rates, sizes });
  }
  await Promise.all(names.map((name) => running[name].stop()));
  return rows;
}

function toTable(rows) {
  const lines = [
    "| runtime | echo | framewire | others | framewire / other | bytes of a reply: framewire, others |",
    "| --- | --- | --- | --- | --- | --- |",
  ];
  for (const { runtime, scenario, rates, sizes } of rows) {
    const others = Object.keys(rates).filter((name) => name !== "framewire");
    const cells = [
      runtime,
      scenario,
      middleOf(rates.framewire),
      others.map((name) => `${middleOf(rates[name])} (${name})`).join(", ") || "-",
      others.map((name) => ratioText(ratios(rates.framewire, rates[name]))).join(", ") || "-",
      Object.values(sizes)
        .map((all) => median(all)?.toFixed(0) ?? "-")
        .join(", "),
    ];
    lines.push(`| ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

export const compressed = {
  title: "Compressed echo, thousand messages a second",
  explanation:
    "Size of the JSON, connections x messages in flight on each, and whether windows are kept between messages. `ws` is " +
    "npm's with its defaults, which leave replies below 1 KiB as they are, and with threshold 0; `own` is Bun's server; " +
    "Deno's has no compression. Each client decompresses and compares every reply. Ratios are medians over the rounds, " +
    "with the least and the most of them.",
  async run(options) {
    const { runtimes, ...plan } = options;
    const rows = [];
    for (const runtime of runtimes) rows.push(...(await measureRuntime(runtime, plan)));
    return { rows, table: toTable(rows) };
  },
};
