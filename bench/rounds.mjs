/**
 * Rounds outside, servers inside: each round compares neighbours in time, since a machine has good and bad minutes.
 *
 * All benchmarks that compare give rows of one shape: `{ runtime, row, peers: { [name]: samples } }`, and of each peer
 * the samples `{ value, cpu, busy, failure }`, one a round: the figure, seconds of the server's CPU for one of what is
 * counted, the share of the time that the server was busy; or what went wrong.
 */

import { runLoad, startServer } from "./programs.mjs";

/** A server that is compared: started when it is needed, and again where it has failed. */
class Contestant {
  #runtime;
  #command;
  #options;
  #server;
  #starts = 0;
  #failure;

  constructor(runtime, command, options) {
    this.#runtime = runtime;
    this.#command = command;
    this.#options = options;
  }

  /** Takes a sample; what goes wrong is one as well. */
  async sample(take) {
    try {
      if (this.#server?.hasEnded) await this.stop();
      return await take(await this.#running());
    } catch (error) {
      const server = this.#server;
      // A server that has ended tells more than the load that has lost it.
      const end = await server?.endedWith();
      await this.stop();
      return { failure: end === undefined ? error.message : `${error.message}; ${end}` };
    }
  }

  async #running() {
    if (this.#server === undefined) {
      // One that does not start will not start the next time either.
      if (this.#failure !== undefined && this.#starts >= 2) throw this.#failure;
      this.#starts++;
      try {
        this.#server = await startServer(this.#runtime, this.#command, this.#options);
        this.#starts = 0;
      } catch (error) {
        this.#failure = error;
        throw error;
      }
    }
    return this.#server;
  }

  async stop() {
    await this.#server?.stop();
    this.#server = undefined;
  }
}

/** Puts `count` from the front of a list to its end: nobody is always the first. */
function rotated(list, count) {
  const start = count % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

/** What is counted in a second, and what one of it costs the server. */
function toSample({ messages, seconds, cpu, bytes }) {
  return {
    bytes: bytes === undefined ? undefined : bytes / messages,
    value: messages / seconds,
    cpu: cpu === undefined ? undefined : cpu / messages,
    busy: cpu === undefined ? undefined : cpu / seconds,
  };
}

/** A sample of a load program. */
export function loadSample(program, load, { warm, measure }) {
  return async (server, name, round) => {
    const result = await runLoad(program, {
      ...load,
      kind: name === "TCP" ? "tcp" : "ws",
      port: server.port,
      pid: server.pid,
      // What runs for the first time has to be compiled.
      warm: round === 0 ? 3 * warm : warm,
      measure,
    });
    return toSample(result);
  };
}

/** Names a figure for the log. */
export function figureText(value, { unit, scale = 1 }) {
  const number = value * scale;
  const digits = number >= 100 ? 0 : number >= 10 ? 1 : 2;
  return `${number.toFixed(digits)} ${unit}`;
}

/**
 * Measures rows on one runtime.
 *
 * @param servers Who is compared, by name.
 * @param rows Each with its name as `row`, and `take(server, name, round)`, which gives a sample; or with several names,
 * and a sample for each.
 * @param plan `rounds`, and `isFresh` for servers that are started anew for each sample, and asked for their memory.
 */
async function measureRuntime(runtime, servers, rows, { benchmark, rounds, isFresh }) {
  const contestants = Object.entries(servers).map(([name, command]) => ({
    name,
    contestant: new Contestant(runtime, command, { isAsked: isFresh }),
  }));
  const results = [];
  try {
    for (const { row, take, rounds: most = rounds } of rows) {
      const names = [row].flat();
      const peers = names.map(() => Object.fromEntries(contestants.map(({ name }) => [name, []])));
      const count = Math.min(rounds, most);
      for (let round = 0; round < count; round++) {
        for (const { name, contestant } of rotated(contestants, round)) {
          const sample = await contestant.sample((server) => take(server, name, round));
          if (isFresh) await contestant.stop();
          for (const [i, rowName] of names.entries()) {
            const ours = sample.failure === undefined ? [sample].flat()[i] : sample;
            peers[i][name].push(ours);
            const place = `${runtime}, ${rowName}, round ${round + 1} of ${count}, ${name}`;
            console.error(`${place}: ${describe(ours, benchmark)}`);
          }
        }
      }
      for (const [i, rowName] of names.entries()) {
        results.push({ runtime, row: rowName, peers: peers[i] });
      }
    }
  } finally {
    await Promise.all(contestants.map(({ contestant }) => contestant.stop()));
  }
  return results;
}

function describe({ value, cpu, busy, failure }, benchmark) {
  if (failure !== undefined) return `FAILED: ${failure}`;
  const cost =
    cpu === undefined ? "" : `, ${(cpu * 1e6).toFixed(2)} us of CPU each, ${percent(busy)} busy`;
  return figureText(value, benchmark) + cost;
}

function percent(share) {
  return `${(share * 100).toFixed(0)} %`;
}

/**
 * Makes a benchmark that compares the servers of each runtime.
 *
 * @param figure What is measured: `what` names the rows, `unit` the figures after `scale`, `each` what a cost is for, and
 * `better` is "more" or "less".
 * @param servers Who is compared on a runtime, by name.
 * @param rowsOf Given the options, the rows as {@link measureRuntime} takes them.
 */
export function comparison({ title, explanation, figure, servers, rowsOf, isFresh = false }) {
  return {
    title,
    explanation,
    figure,
    async run({ runtimes, rowFilter = "", ...options }) {
      const all = rowsOf(options).filter(({ row }) =>
        [row].flat().some((name) => name.includes(rowFilter)),
      );
      const plan = { benchmark: figure, rounds: options.rounds, isFresh };
      const rows = [];
      for (const runtime of runtimes) {
        rows.push(...(await measureRuntime(runtime, servers(runtime), all, plan)));
      }
      return { rows };
    },
  };
}

/**
 * Makes a benchmark of messages that come back.
 *
 * @param scenarios What the load is told, with the name of each as `row`; with `rounds`, at the most so many; with
 * `share`, measured for that part of the time.
 */
export function echoComparison({ scenarios, program = "load-echo.mjs", ...rest }) {
  return comparison({
    figure: { what: "echo", unit: "k messages/s", scale: 1e-3, each: "message", better: "more" },
    rowsOf: (options) =>
      scenarios.map(({ row, rounds, share = 1, ...load }) => ({
        row,
        rounds,
        take: loadSample(program, load, { ...options, measure: options.measure * share }),
      })),
    ...rest,
  });
}
