import { spawn } from "node:child_process";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

// Milliseconds before a program that has ended is started again. The pause doubles each time, so that a program that cannot start
// does not keep the machine busy. It is the shortest again for a program that has run for as long as the longest.
const [shortestPause, longestPause] = [100, 10_000];
const startTimeout = 30_000;
const stopTimeout = 5000;

/**
 * @typedef {object} Plan
 * @property {string} name
 * @property {readonly string[]} command
 * @property {Record<string, string>} [env]
 * @property {{ path: string } | { port: number, host: string }} address Where it accepts connections.
 * @property {(line: string) => void} log
 * @property {(chunk: Uint8Array) => void} output Gets what it prints.
 * @property {boolean} [hasChannel] Whether it has a channel of IPC to this process.
 * @property {() => void} [prepare] Called before it is started.
 * @property {(child: ChildProcess) => void} [started]
 */

/** A program that is kept running: when it ends by itself, it is started again. */
export class Service {
  #plan;
  #stopping = new AbortController();
  /** @type {ChildProcess | undefined} */
  #child;
  /** Resolves when the program has ended, and is not started again. @type {Promise<void>} */
  #over = Promise.resolve();

  /** @param {Plan} plan */
  constructor(plan) {
    this.#plan = plan;
  }

  /** Starts the program. @returns {Promise<void>} Resolves when it accepts connections, rejects if it ends before that. */
  async start() {
    this.#stopping = new AbortController();
    const { signal } = this.#stopping;
    const { child, ended } = this.#spawn();
    this.#over = this.#watch(ended, signal);
    const tooEarly = ended.then((how) => {
      throw new Error(`${this.#plan.name} ended with ${how} before it accepted connections`);
    });
    try {
      await Promise.race([this.#accepts(signal), tooEarly]);
    } catch (error) {
      this.#stopping.abort(); // If the first start fails, a second one would fail, too.
      throw error;
    }
    this.#plan.log(`process ${child.pid} is there`);
  }

  /**
   * Asks the program to end, and kills it after 5 seconds if it still runs.
   *
   * @returns {Promise<void>} Resolves when it is gone.
   */
  async stop() {
    this.#stopping.abort();
    const child = this.#child;
    child?.kill("SIGTERM");
    const late = setTimeout(() => child?.kill("SIGKILL"), stopTimeout);
    await this.#over;
    clearTimeout(late);
  }

  /** Kills the program at once. */
  kill() {
    this.#stopping.abort();
    this.#child?.kill("SIGKILL");
  }

  #spawn() {
    const { command, env, hasChannel, prepare, started, output } = this.#plan;
    const [program = "", ...args] = command;
    prepare?.();
    const child = spawn(program, args, {
      // A terminal sends Ctrl-C to a whole process group. Each program has its own group, so that start.js stops them in order.
      detached: true,
      stdio: ["ignore", "pipe", "pipe", ...(hasChannel ? /** @type {const} */ (["ipc"]) : [])],
      env: { ...process.env, ...env },
    });
    this.#child = child;
    child.stdout?.on("data", output);
    child.stderr?.on("data", output);
    /** @type {Promise<string>} */
    const ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(String(error)));
      child.once("close", (code, signal) => resolve(String(signal ?? code)));
    });
    started?.(child);
    return { child, ended };
  }

  /** @param {Promise<string>} ended @param {AbortSignal} signal */
  async #watch(ended, signal) {
    let pause = shortestPause;
    let began = performance.now();
    for (;;) {
      const how = await ended;
      if (signal.aborted) return;
      if (performance.now() - began > longestPause) pause = shortestPause;
      this.#plan.log(`ended with ${how}; starts again in ${pause} ms`);
      await sleep(pause, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      pause = Math.min(2 * pause, longestPause);
      began = performance.now();
      const again = this.#spawn();
      ({ ended } = again);
      this.#plan.log(`process ${again.child.pid} is started`);
    }
  }

  /**
   * Waits until it accepts connections. It tries to connect, since not every program says when it is ready.
   *
   * @param {AbortSignal} signal
   */
  async #accepts(signal) {
    const latest = performance.now() + startTimeout;
    while (!(await canConnect(this.#plan.address))) {
      signal.throwIfAborted();
      if (performance.now() > latest) throw new Error(`${this.#plan.name} accepts no connections`);
      await sleep(20);
    }
  }
}

/** @param {Plan["address"]} address @returns {Promise<boolean>} */
function canConnect(address) {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
