/**
 * Compressed echo: messages of JSON a second that go to a server and come back, both ways compressed, against npm's `ws`
 * on Node and Bun's own server.
 */

import { markdownTable } from "./report.mjs";
import { echoComparison } from "./rounds.mjs";
import { spread } from "./statistics.mjs";

const framewire = ["servers/framewire.mjs", "compressed"];

/** The servers on each runtime. */
const servers = {
  node: {
    framewire,
    ws: ["servers/ws-deflate.mjs"],
    "ws, threshold 0": ["servers/ws-deflate.mjs", "0"],
  },
  deno: { framewire },
  bun: { framewire, own: ["servers/bun-deflate.mjs"] },
};

const scenarios = [true, false].flatMap((takeover) =>
  [128, 4096, 65536].flatMap((size) =>
    [16, 1].map((inFlight) => ({
      size,
      inFlight,
      takeover,
      connections: 64,
      rounds: 3,
      share: 0.6,
    })),
  ),
);

function nameOf({ size, inFlight, takeover }) {
  const bytes = size < 1024 ? `${size} B` : `${size / 1024} KiB`;
  return `${bytes}, 64 x ${inFlight}, ${takeover ? "takeover" : "no takeover"}`;
}

/** Bytes of a reply on the wire. */
function sizesTable(rows) {
  const lines = [["runtime", "echo", "bytes of a reply"]];
  for (const { runtime, row, peers } of rows) {
    const sizes = Object.entries(peers).map(([name, samples]) => {
      const size = spread(samples.map(({ bytes }) => bytes))?.median.toFixed(0) ?? "-";
      return `${size} (${name})`;
    });
    lines.push([runtime, row, sizes.join(", ")]);
  }
  return markdownTable(lines);
}

export const compressed = {
  ...echoComparison({
    title: "Compressed echo",
    explanation:
      "Size of the JSON, connections x messages in flight on each, and whether windows are kept between messages. `ws` " +
      "is npm's with its defaults, which leave replies below 1 KiB as they are, and with threshold 0; `own` is Bun's " +
      "server; Deno's has no compression. Each client decompresses and compares every reply.",
    program: "load-compressed.mjs",
    servers: (runtime) => servers[runtime],
    scenarios: scenarios.map((scenario) => ({ row: nameOf(scenario), ...scenario })),
  }),
  appendix: sizesTable,
};
