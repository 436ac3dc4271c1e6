/**
 * The soak: thousands of connections are opened, used and closed, three times over, and memory and file descriptors of
 * the server are compared with what they were before.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { runtimeCommand } from "../scripts/built.mjs";
import { file, loadCore, Program, serverCore } from "./programs.mjs";

const rounds = 3;
/** How far memory may be above what it was at the start. */
const tolerance = 0.1;
/** Milliseconds for what takes seconds where all is well. */
const patience = 120_000;

/** How each runtime is started so that garbage can be collected when asked. */
const commands = {
  node: () => [process.execPath, "--expose-gc"],
  deno: () => [...runtimeCommand("deno"), "--v8-flags=--expose-gc"],
  bun: () => runtimeCommand("bun"),
};

/** A fifth of the connections each; how the server has to see them end. */
const expectedEndings = [
  "1000 clean peer",
  "4001 clean local",
  "1006 unclean transport",
  "1006 unclean transport",
  "1006 unclean local",
];

/** Open file descriptors of a process; undefined where nothing tells them. */
function descriptorsOf(pid) {
  const folder = `/proc/${pid}/fd`;
  return existsSync(folder) ? readdirSync(folder).length : undefined;
}

/** @throws A process may not open so many descriptors, where the machine tells. */
function checkLimit(connections) {
  if (!existsSync("/proc/self/limits")) return;
  const [, most] = /Max open files\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"));
  const needed = connections + 100;
  if (Number(most) >= needed) return;
  throw new Error(
    `The soak needs ${needed} open files, and the limit is ${most}: ulimit -n ${needed}`,
  );
}

/** What the server has: memory in use, as its own collector counts it, and resident, as the system does. */
async function measure(server, pid) {
  const { connections, heapUsed, external, rss } = await server.ask("measure");
  return {
    connections,
    inUse: heapUsed + external,
    resident: rss,
    descriptors: descriptorsOf(pid),
  };
}

/** Opens, uses and closes the connections once; measures while they are open, and when they are gone. */
async function soakOnce({ server, pid, port }, connections) {
  const told = JSON.stringify({ port, connections, atOnce: 100 });
  const load = new Program("the load", loadCore, [process.execPath, file("load-soak.mjs"), told], {
    patience,
  });
  try {
    const { failure: notOpened } = await load.next();
    if (notOpened !== undefined) throw new Error(`the load failed: ${notOpened}`);
    const open = await measure(server, pid);
    const { ends, failure } = await load.ask("end");
    if (failure !== undefined) {
      throw new Error(`the load failed: ${failure}, after ${JSON.stringify(ends)}`);
    }
    const { endings } = await server.ask("idle");
    return { open, after: await measure(server, pid), endings };
  } finally {
    await load.stop();
  }
}

/** @throws Something is left, or did not end as it should: this holds on every machine. */
function check({ open, after, endings }, connections) {
  const expected = {};
  for (const name of expectedEndings) {
    expected[name] = (expected[name] ?? 0) + connections / expectedEndings.length;
  }
  for (const name of new Set([...Object.keys(expected), ...Object.keys(endings)])) {
    if (endings[name] !== expected[name]) {
      throw new Error(`ended as ${name}: ${endings[name] ?? 0}, not ${expected[name] ?? 0}`);
    }
  }
  if (open.connections !== connections) throw new Error(`open: ${open.connections}`);
  if (after.connections !== 0) throw new Error(`still open: ${after.connections}`);
}

async function soakRuntime(runtime, connections) {
  const server = new Program(
    `the server on ${runtime}`,
    serverCore,
    [...commands[runtime](), file("servers/soak.mjs")],
    { patience },
  );
  const tell = (when, what) => console.error(`${runtime}, ${when}: ${describe(what)}`);
  try {
    const place = { server, ...(await server.next()) };
    const fresh = await measure(server, place.pid);
    tell("fresh", fresh);
    const all = [];
    for (let round = 0; round <= rounds; round++) {
      const result = await soakOnce(place, connections);
      check(result, connections);
      const name = round === 0 ? "warm-up" : `round ${round} of ${rounds}`;
      tell(`${name}, ${connections} open`, result.open);
      tell(`${name}, all closed`, result.after);
      all.push(result);
    }
    // What the first connections leave behind is code, compiled once, and room that allocators keep.
    const [{ after: start }, ...measured] = all;
    const { descriptors } = measured.at(-1).after;
    if (descriptors !== start.descriptors) {
      throw new Error(`descriptors: ${descriptors}, and ${start.descriptors} at the start`);
    }
    return { runtime, connections, fresh, start, rounds: measured };
  } finally {
    await server.stop();
  }
}

function mebibytes(bytes) {
  return (bytes / 1024 ** 2).toFixed(1);
}

function describe({ inUse, resident, descriptors = "?" }) {
  return `${mebibytes(inUse)} MiB in use, ${mebibytes(resident)} MiB resident, ${descriptors} descriptors`;
}

/** What is measured, and how it is written. */
const figures = [
  { figure: "inUse", name: "in use, MiB", write: mebibytes },
  { figure: "resident", name: "resident, MiB", write: mebibytes },
  { figure: "descriptors", name: "descriptors", write: (count) => count ?? "-" },
];

function rowOf({ runtime, fresh, start, rounds: measured }, { figure, name, write }) {
  const last = measured.at(-1).after[figure];
  const ratio = last / start[figure];
  const isBack = ratio <= 1 + tolerance;
  return [
    runtime,
    name,
    write(fresh[figure]),
    write(start[figure]),
    write(Math.max(...measured.map(({ open }) => open[figure]))),
    ...measured.map(({ after }) => write(after[figure])),
    last === undefined ? "-" : `${ratio.toFixed(2)}${isBack ? "" : " (not back)"}`,
  ];
}

function toTable(rows) {
  const titles = ["runtime", "", "fresh", "start", "most, open"];
  for (let round = 1; round <= rounds; round++) titles.push(`after ${round}`);
  titles.push("end / start");
  const lines = [titles, titles.map(() => "---")];
  for (const row of rows) for (const figure of figures) lines.push(rowOf(row, figure));
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

export const soak = {
  title: "Soak: memory and descriptors of a server before and after its connections",
  rounds,
  explanation:
    "Connections to an echo server that are opened, used with messages of 16 B to 4 KiB, and ended, a fifth each by a " +
    "close frame of the client, one of the server, FIN without one, a reset, and a drop by the server: 5 000 at a time " +
    "(500 in a quick run), three times over. Fresh is the server that nobody has spoken to; the start is what a " +
    "warm-up of as many connections leaves behind: compiled code, and pages that allocators keep for the next time. " +
    "In use is what the collector counts right after a collection, objects and buffers; resident is what the " +
    "operating system counts.",
  async run({ runtimes, isQuick }) {
    const connections = isQuick ? 500 : 5000;
    checkLimit(connections);
    if (descriptorsOf(process.pid) === undefined) {
      console.error("descriptors are not counted: there is no /proc");
    }
    const rows = [];
    for (const runtime of runtimes) rows.push(await soakRuntime(runtime, connections));
    return { rows, table: toTable(rows) };
  },
};
