/**
 * Programs that a benchmark starts: servers on one core, the load on another.
 */

import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { root, runtimeCommand } from "../scripts/built.mjs";

export const serverCore = "0";
export const loadCore = "1";
/** Milliseconds that a program may take beyond what it is told to. */
const patience = 20_000;

/** What a runtime is told so that garbage can be collected when asked; Bun's always can. */
const gcFlags = { node: ["--expose-gc"], deno: ["--v8-flags=--expose-gc"], bun: [] };

/** Whether programs can be kept to a core. */
export const canPin = spawnSync("taskset", ["-c", loadCore, "true"]).status === 0;

function pinned(core, command) {
  return canPin ? ["taskset", "-c", core, ...command] : command;
}

/** The path of a file in bench/. */
export function file(name) {
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

/** A program that prints lines, and may answer those that it is given. */
export class Program {
  #name;
  #child;
  #patience;
  #lines;
  #errors = "";

  /**
   * @param name What it is called where it fails.
   * @param options `env`, further environment; `patience`, milliseconds until its next line; `serialization`, of a channel to it
   * beside its lines, where one is wanted.
   */
  constructor(
    name,
    core,
    command,
    { env = {}, patience: milliseconds = patience, serialization } = {},
  ) {
    this.#name = name;
    this.#patience = milliseconds;
    const lines = ["pipe", "pipe", "pipe"];
    this.#child = start(core, command, {
      stdio: serialization === undefined ? lines : [...lines, "ipc"],
      serialization,
      env: { ...process.env, ...env },
    });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
    this.#child.stderr.on("data", (chunk) => {
      this.#errors = (this.#errors + chunk).slice(-10_000);
    });
    this.#child.stdin.on("error", () => {});
  }

  get pid() {
    return this.#child.pid;
  }

  get hasEnded() {
    return !running.has(this.#child);
  }

  /** What has a channel to it. */
  get child() {
    return this.#child;
  }

  /** The next line that it prints. */
  async nextLine() {
    const what = `${this.#name} said nothing`;
    const { value, done } = await within(this.#patience, this.#lines.next(), what);
    if (!done) return value;
    await this.#child.ended;
    throw new Error(await this.endedWith());
  }

  /** How it has ended, and what it said; undefined where it goes on. */
  async endedWith() {
    const soon = new Promise((resolve) => setTimeout(resolve, 200));
    const code = await Promise.race([this.#child.ended, soon]);
    if (!this.hasEnded) return undefined;
    return `${this.#name} ended with ${code}: ${lastWords(this.#errors)}`;
  }

  /** The next line, which is JSON. */
  async next() {
    return JSON.parse(await this.nextLine());
  }

  ask(line) {
    this.#child.stdin.write(`${line}\n`);
    return this.next();
  }

  async stop() {
    if (this.hasEnded) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 2000);
    await this.#child.ended;
    clearTimeout(timer);
  }
}

/** A server in a process of its own. */
class RunningServer extends Program {
  port;

  async listening() {
    for (;;) {
      const match = /listening on (\d+)/.exec(await this.nextLine());
      if (match === null) continue;
      this.port = Number(match[1]);
      return this;
    }
  }
}

/**
 * Starts a server.
 *
 * @param command A file in bench/, and what it is told.
 * @param isAsked Whether it is asked for its memory: then it can collect garbage when it is.
 */
export async function startServer(runtime, [source, ...args], { isAsked = false } = {}) {
  const flags = isAsked ? gcFlags[runtime] : [];
  const command = [...runtimeCommand(runtime), ...flags, file(source), ...args];
  const env = isAsked ? { BENCH_ASK: "1" } : {};
  const server = new RunningServer("The server", serverCore, command, { env, patience: 60_000 });
  try {
    return await server.listening();
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** A load program that is told by lines what to do. */
export function startLoad(source, options) {
  const command = [...runtimeCommand("bun"), file(source), JSON.stringify(options)];
  return new Program("The load", loadCore, command, { patience: 120_000 });
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

/** Runs a program on a runtime, on the core of servers, to its end; gives the JSON that it prints. */
export async function runProgram(runtime, source, options) {
  const command = [...runtimeCommand(runtime), file(source), JSON.stringify(options)];
  const program = new Program(source, serverCore, command, { patience: 300_000 });
  try {
    return await program.next();
  } finally {
    await program.stop();
  }
}
