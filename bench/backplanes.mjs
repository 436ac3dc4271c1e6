/**
 * What goes from one server to another by each driver of a backplane, and by its client as it is: messages a second, CPU time, and
 * how long one takes.
 */

import { runtimeCommand } from "../scripts/built.mjs";
import { startBroker } from "./brokers.mjs";
import { startCpuClock } from "./cpu.mjs";
import { file, loadCore, Program, serverCore } from "./programs.mjs";
import { markdownTable } from "./report.mjs";
import { median, ratios } from "./statistics.mjs";
import { clusterRelay } from "../dist/cluster.mjs";

/** Drivers, each with the broker that it needs. */
const drivers = {
  local: undefined,
  cluster: undefined,
  workers: undefined,
  "redis by node-redis": "redis",
  "redis by ioredis": "redis",
  "redis streams by node-redis": "redis",
  "redis streams by ioredis": "redis",
  "nats by nats.js 2": "nats",
  "nats by nats.js 3": "nats",
  "nats streams by nats.js 2": "jetstream",
  "nats streams by nats.js 3": "jetstream",
  postgres: "postgres",
};
const sizes = { "128 B": 128, "4 KiB": 4096 };

/** What a parent does for children that use nothing of framewire: it passes on what they say to the others. */
function passOn(children) {
  for (const child of children) {
    child.on("message", (message) => {
      if (message.done) child.send(message);
      else for (const other of children) if (other !== child) other.send(message);
    });
  }
}

/** Two processes that are joined; of drivers for one process it is one. */
class Pair {
  #programs;

  static async start(runtime, driver, way, port) {
    const pair = new Pair();
    const isOne = driver === "local" || driver === "workers";
    const cores = { second: loadCore, first: serverCore };
    pair.#programs = (isOne ? ["first"] : ["second", "first"]).map((place) => {
      const command = [...runtimeCommand(runtime), file("servers/backplane.mjs")];
      return new Program(
        `${driver}, ${way}`,
        // One process with two threads needs both cores.
        isOne ? `${serverCore},${loadCore}` : cores[place],
        [...command, runtime, driver, way, place, String(port ?? 0)],
        driver === "cluster"
          ? { serialization: runtime === "node" ? "advanced" : "json" }
          : undefined,
      );
    });
    try {
      if (driver === "cluster") {
        const children = pair.#programs.map(({ child }) => child);
        if (way === "bare") passOn(children);
        else {
          const relay = clusterRelay();
          for (const child of children) relay.add(child);
        }
      }
      for (const program of pair.#programs) await program.next();
      return pair;
    } catch (error) {
      await pair.stop();
      throw error;
    }
  }

  /** One sample: much at once, then one at a time. */
  async sample(size, { warm, measure }, isFirst) {
    const first = this.#programs.at(-1);
    const ask = (act, milliseconds) => first.ask(JSON.stringify({ act, size, milliseconds }));
    await ask("flood", isFirst ? 3 * warm : warm);
    const clocks = this.#programs.map(({ pid }) => startCpuClock(pid));
    const { messages, seconds } = await ask("flood", measure);
    const used = clocks.map((clock) => clock());
    const cpu = used.includes(undefined) ? undefined : used.reduce((sum, each) => sum + each, 0);
    const { times } = await ask("ping", measure / 2);
    return {
      value: messages / seconds,
      cpu: cpu === undefined ? undefined : cpu / messages,
      busy: cpu === undefined ? undefined : cpu / seconds,
      middle: times[times.length >> 1],
      late: times[Math.floor(times.length * 0.99)],
    };
  }

  async stop() {
    await Promise.all(this.#programs.map((program) => program.stop()));
  }
}

async function measureDriver(runtime, driver, options) {
  const kind = drivers[driver];
  const broker = kind === undefined ? undefined : await startBroker(kind);
  const ways = driver === "local" ? ["framewire"] : ["framewire", "bare"];
  const pairs = {};
  const rows = [];
  try {
    for (const way of ways) pairs[way] = await Pair.start(runtime, driver, way, broker?.port);
    for (const [name, size] of Object.entries(sizes)) {
      const row = `${driver}, ${name}`;
      if (!row.includes(options.rowFilter ?? "")) continue;
      const peers = Object.fromEntries(ways.map((way) => [way, []]));
      for (let round = 0; round < options.rounds; round++) {
        for (const way of round % 2 === 0 ? ways : ways.toReversed()) {
          let sample;
          try {
            sample = await pairs[way].sample(size, options, round === 0);
          } catch (error) {
            sample = { failure: error.message };
            await pairs[way].stop();
            pairs[way] = await Pair.start(runtime, driver, way, broker?.port);
          }
          peers[way].push(sample);
          console.error(
            `${runtime}, ${row}, round ${round + 1}, ${way}: ${JSON.stringify(sample)}`,
          );
        }
      }
      rows.push({ runtime, row, peers });
    }
  } finally {
    await Promise.all(Object.values(pairs).map((pair) => pair.stop()));
    broker?.stop();
  }
  return rows;
}

/** The median of a figure over the rounds, in digits that mean something. */
function middleOf(samples, name) {
  const value = median(samples.map((sample) => sample[name]).filter((each) => each !== undefined));
  return value === undefined ? "-" : value.toPrecision(2);
}

function latencyTable(rows) {
  const lines = [
    ["runtime", "driver", "framewire, ms: median, 99 %", "other", "ratio of the medians"],
  ];
  for (const { runtime, row, peers } of rows) {
    const [ours, theirs = []] = [peers.framewire, peers.bare];
    const cell = (samples) => `${middleOf(samples, "middle")}, ${middleOf(samples, "late")}`;
    const middles = (samples) => samples.map(({ middle }) => middle);
    const all = ratios(middles(ours), middles(theirs));
    const text =
      all === undefined
        ? "-"
        : `${all.median.toFixed(2)} (${all.least.toFixed(2)}-${all.most.toFixed(2)})`;
    lines.push([runtime, row, cell(ours), theirs.length === 0 ? "-" : cell(theirs), text]);
  }
  return `One message at a time, there and back:\n\n${markdownTable(lines)}`;
}

export const backplanes = {
  title: "Backplanes",
  explanation:
    "Two processes, each a server with one connection in memory, joined by each driver; and two that do the same with the " +
    "driver's client as it is (bare): publish, subscribe, and nothing else. One gives 64 messages at once and waits until the " +
    "broker has them; counted is what has come in at the other. CPU is that of both, without the broker's or the parent's. " +
    "Bare streams of Redis are XADD and PUBLISH; bare streams of NATS are requests to a stream that publishes what it keeps; " +
    "bare cluster is a parent that passes on what it gets; bare workers are a " +
    "BroadcastChannel.",
  figure: { what: "driver", unit: "k messages/s", scale: 1e-3, each: "message", better: "more" },
  appendix: latencyTable,
  async run({ runtimes, ...options }) {
    const rows = [];
    const { rowFilter = "" } = options;
    for (const runtime of runtimes) {
      for (const driver of Object.keys(drivers)) {
        const names = Object.keys(sizes).map((size) => `${driver}, ${size}`);
        if (!names.some((name) => name.includes(rowFilter))) continue;
        rows.push(...(await measureDriver(runtime, driver, options)));
      }
    }
    return { rows };
  },
};
