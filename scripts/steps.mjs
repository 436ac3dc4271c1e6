/**
 * Runs steps in lanes: the steps of a lane one after the other, the lanes side by side, so that no core is idle while a step
 * waits. A step may need one of another lane, and begins when that has ended. What a step prints is shown as a whole, when it has ended; meanwhile a line says, now and then, how far all is.
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { root } from "./built.mjs";
import { showSeconds } from "./progress.mjs";
import { mark } from "./progress-reporter.mjs";

/** Milliseconds between two lines that say how far all is. */
const interval = 15_000;

/** A step: what it is called, what it runs, and how far it is. */
export class Step {
  name;
  #command;
  #env;
  #last;
  #start;
  #told = {};
  #lines = [];
  // oxlint-disable-next-line no-unused-private-class-members -- it does not see the use in `this.#needed?.#ended`
  #needed;
  #end;
  #ended = new Promise((resolve) => {
    this.#end = resolve;
  });

  /** Whether it succeeded; undefined before its end. */
  isOk;
  /** Seconds that it took. */
  seconds;

  /**
   * @param last Seconds that it took the last time; undefined where nobody knows.
   * @param needed A step of another lane that has to have ended before this one begins.
   */
  constructor(name, command, env, last, needed) {
    this.name = name;
    this.#command = command;
    this.#env = env;
    this.#last = last;
    this.#needed = needed;
  }

  /** Seconds that are left of it, as far as that is known: what a suite tells, or what the last time says. */
  left(now) {
    if (this.isOk !== undefined) return 0;
    if (this.#start === undefined || this.#last === undefined) return this.#last;
    return this.#told.left ?? Math.max(0, this.#last - (now - this.#start) / 1000);
  }

  /** "node: 54 of 285 files" while it runs; undefined before and behind that. */
  show() {
    if (this.#start === undefined || this.isOk !== undefined) return undefined;
    return this.#told.files === undefined ? this.name : `${this.name}: ${this.#told.files}`;
  }

  /** Runs it to its end, and shows what it has printed. */
  async run() {
    await this.#needed?.#ended;
    this.#start = Date.now();
    const [program, ...args] = this.#command;
    const child = spawn(program, args, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: process.stdout.isTTY ? { ...this.#env, FORCE_COLOR: "1" } : this.#env,
    });
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on("line", (line) => this.#take(line));
    }
    const code = await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", resolve);
    });
    this.seconds = (Date.now() - this.#start) / 1000;
    this.isOk = code === 0;
    this.#end();
    console.log([`\n=== ${this.name}`, ...this.#lines].join("\n"));
    console.log(`=== ${this.name}: ${this.isOk ? "ok" : "FAILED"} in ${this.seconds.toFixed(1)} s`);
  }

  #take(line) {
    if (!line.startsWith(mark)) {
      this.#lines.push(line);
      return;
    }
    const told = JSON.parse(line.slice(mark.length));
    // Told at once, and not only when the suite has ended.
    if (told.failed !== undefined) console.log(`--- ${this.name}: failed: ${told.failed}`);
    else this.#told = told;
  }
}

/** "3 of 6 done; node: 54 of 285 files; deno: 7 of 242 files; about 4 min left". */
export function showProgress(lanes, now) {
  const steps = lanes.flat();
  const done = steps.filter(({ isOk }) => isOk !== undefined).length;
  const running = steps.map((step) => step.show()).filter((text) => text !== undefined);
  // The longest lane says when all is done; NaN where one of its steps was never run before.
  const left = Math.max(
    ...lanes.map((lane) => lane.reduce((sum, step) => sum + (step.left(now) ?? NaN), 0)),
  );
  const parts = [`${done} of ${steps.length} done`, ...running];
  if (!Number.isNaN(left)) parts.push(`about ${showSeconds(left)} left`);
  return parts.join("; ");
}

/** Runs all lanes to their end, also where steps fail. */
export async function runLanes(lanes) {
  const show = () => console.log(`--- ${showProgress(lanes, Date.now())}`);
  const timer = setInterval(show, interval);
  await Promise.all(
    lanes.map(async (lane) => {
      for (const step of lane) await step.run();
    }),
  );
  clearInterval(timer);
}
