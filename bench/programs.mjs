/**
 * Programs that a benchmark starts: servers on one core, the load on another.
 */

import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { root, runtimeCommand } from "../scripts/built.mjs";

const serverCore = "0";
const loadCore = "1";
/** Milliseconds that a program may take beyond what it is told to. */
const patience = 20_000;

/** Whether programs can be kept to a core. */
export const canPin = spawnSync("taskset", ["-c", loadCore, "true"]).status === 0;

function pinned(core, command) {
  return canPin ? ["taskset", "-c", core, ...command] : command;
}

function file(name) {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Programs that run; none outlives this one. */
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

function start(core, command, options) {
  const [program, ...args] = pinned(core, command);
  const child = spawn(program, args, { cwd: root, ...options });
  running.add(child);
  child.ended = new Promise((resolve) => {
    child.once("error", resolve);
    child.once("close", (code, signal) => resolve(code ?? signal));
  });
  void child.ended.then(() => running.delete(child));
  return child;
}

/** Gives what a promise gives, or throws after so many milliseconds. */
async function within(milliseconds, promise, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${what} within ${milliseconds / 1000} s`)),
      milliseconds,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The last line that says something, without the place where it was thrown. */
function lastWords(text) {
  const lines = text.split("\n").map((line) => line.trim());
  const error = lines.find((line) => /^(\w*: )?\w*Error\b/.test(line));
  return (error ?? lines.filter((line) => line !== "").at(-1) ?? "it said nothing").slice(0, 300);
}

/** A server in a process of its own. */
class RunningServer {
  #child;
  #lines;
  #errors = "";
  port;

  constructor(child) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.on("data", (chunk) => {
      this.#errors = (this.#errors + chunk).slice(-10_000);
    });
    child.stdin.on("error", () => {});
  }

  get pid() {
    return this.#child.pid;
  }

  get hasEnded() {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** The next line that it prints. */
  async #next() {
    const { value, done } = await within(patience, this.#lines.next(), "The server said nothing");
    if (!done) return value;
    const code = await this.#child.ended;
    throw new Error(`The server ended with ${code}: ${lastWords(this.#errors)}`);
  }

  async listening() {
    for (;;) {
      const match = /listening on (\d+)/.exec(await this.#next());
      if (match === null) continue;
      this.port = Number(match[1]);
      return this;
    }
  }

  /** Asks for its memory; it must have been started to answer. */
  async memory() {
    this.#child.stdin.write("memory\n");
    return JSON.parse(await this.#next());
  }

  async stop() {
    if (this.hasEnded) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 2000);
    await this.#child.ended;
    clearTimeout(timer);
  }
}

/**
 * Starts a server.
 *
 * @param command A file in bench/, and what it is told.
 * @param flags What the runtime is told.
 * @param env Further environment.
 */
export async function startServer(runtime, [source, ...args], { flags = [], env = {} } = {}) {
  const command = [...runtimeCommand(runtime), ...flags, file(source), ...args];
  const child = start(serverCore, command, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  const server = new RunningServer(child);
  try {
    return await server.listening();
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/**
 * Runs a load program once; gives all that it counted.
 *
 * @throws It failed, or took much longer than it was told to.
 */
export async function runLoad(source, options) {
  const command = [...runtimeCommand("bun"), file(source), JSON.stringify(options)];
  const child = start(loadCore, command, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (errors += chunk));
  try {
    const time = patience + (options.warm ?? 0) + (options.measure ?? 0);
    await within(time, child.ended, "The load was not done");
  } finally {
    child.kill("SIGKILL");
  }
  if (output === "") throw new Error(`The load printed nothing: ${lastWords(errors)}`);
  const result = JSON.parse(output);
  if (result.failure !== undefined) throw new Error(result.failure);
  if (result.messages === 0) throw new Error("Nothing came back");
  return result;
}
