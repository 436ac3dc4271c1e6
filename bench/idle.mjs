/**
 * What an idle connection takes of the server's memory.
 */

import { replacementsOf, serversOf } from "./peers.mjs";
import { startLoad } from "./programs.mjs";
import { markdownTable } from "./report.mjs";
import { comparison } from "./rounds.mjs";
import { spread } from "./statistics.mjs";

/** Connections that are open before anything is measured, so that code is compiled and tables have grown. */
const first = 500;

function wait(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

async function told(load, line) {
  const { failure } = await load.ask(JSON.stringify(line));
  if (failure !== undefined) throw new Error(failure);
}

/**
 * Opens connections and measures twice: when they are open, and when each has had a message come back.
 *
 * @param settle Milliseconds of silence before memory is measured.
 */
async function measureMemory(server, name, { count, settle }) {
  const kind = name === "TCP" ? "tcp" : "ws";
  const load = startLoad("load-idle.mjs", { port: server.port, kind });
  try {
    await told(load, { open: first });
    await told(load, { echo: true });
    await wait(settle);
    const before = await server.ask("memory");
    const each = async () => {
      await wait(settle);
      const { resident, inUse } = await server.ask("memory");
      return {
        value: (resident - before.resident) / count,
        inUse: (inUse - before.inUse) / count,
      };
    };
    await told(load, { open: first + count });
    const opened = await each();
    await told(load, { echo: true });
    return [opened, await each()];
  } finally {
    await load.stop();
  }
}

/** What the collectors count. */
function inUseTable(rows) {
  const lines = [["runtime", "connections", "bytes in use, as the collector counts them"]];
  for (const { runtime, row, peers } of rows) {
    const cells = Object.entries(peers).map(([name, samples]) => {
      const bytes = spread(samples.map(({ inUse }) => inUse))?.median.toFixed(0) ?? "-";
      return `${bytes} (${name})`;
    });
    lines.push([runtime, row, cells.join(", ")]);
  }
  return markdownTable(lines);
}

const growth =
  "What the resident memory of a server grows by for each of 10 000 connections (1 000 in a quick run) beyond a first " +
  "500, after collections that it is asked for: connections that were opened and have been silent since, and the same " +
  "ones when each has had one message of 16 B come back. Below it, what the collector counts; native memory is not in it.";

function idleComparison(parts) {
  return {
    ...comparison({
      figure: { what: "connections", unit: "bytes", better: "less" },
      rowsOf: ({ isQuick, measure }) => {
        const [count, text] = isQuick ? [1000, "1 000"] : [10_000, "10 000"];
        return [
          {
            row: [`${text} open`, `${text} open, each used once`],
            rounds: 2,
            take: (server, name) => measureMemory(server, name, { count, settle: measure }),
          },
        ];
      },
      isFresh: true,
      ...parts,
    }),
    appendix: inUseTable,
  };
}

export const idle = idleComparison({
  title: "Idle connections",
  explanation: `${growth} TCP is what plain sockets take.`,
  servers: (runtime) =>
    serversOf(runtime, { framewire: ["servers/framewire.mjs", "echo"], limit: "idle" }),
});

export const switchedIdle = idleComparison({
  title: "Idle connections of framewire/ws",
  explanation: `${growth} The servers are those of switched.`,
  servers: replacementsOf,
});
