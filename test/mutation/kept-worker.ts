import { readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import {
  type PoolOptions,
  type PoolWorker,
  ThreadsPoolWorker,
  type WorkerRequest,
} from "vitest/node";

/*
 * Vitest ends its worker after each run, and a mutant is a run: most of its time would be spent on a new thread and on
 * loading Vitest and fast-check once more. Here the thread is kept, and what is in it of the project, sources and
 * tests, is loaded anew for each mutant: nothing that one has left behind in a module reaches the next one.
 */

/** Runs after which the thread is replaced all the same. */
const mostRuns = 100;

/** What is loaded anew. */
const files: readonly string[] = ["src", "adapters", "test"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => resolve(join(folder, name))),
);

type Callback = (arg: unknown) => void;
type Start = Extract<WorkerRequest, { type: "start" }>;

let kept: ThreadsPoolWorker | undefined;
let hasStarted = false;
let runs = 0;

/** Ends the thread. */
export async function endKeptWorker(): Promise<void> {
  const thread = kept;
  kept = undefined;
  hasStarted = false;
  runs = 0;
  await thread?.stop();
}

/** One run in the thread that is kept. To Vitest it looks like one that starts and stops. */
class KeptWorker implements PoolWorker {
  readonly name = "kept";
  readonly #options: PoolOptions;
  readonly #listeners: [event: string, callback: Callback][] = [];
  /** Which tests are wanted stands in the configuration, which Vitest tells at the start only. */
  #config: Start["context"]["config"] | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    if (runs++ >= mostRuns) await endKeptWorker();
    if (kept !== undefined) return;
    kept = new ThreadsPoolWorker(this.#options);
    await kept.start();
  }

  async stop(): Promise<void> {
    for (const [event, callback] of this.#listeners) kept?.off(event, callback);
    if (!hasStarted) await endKeptWorker();
  }

  on(event: string, callback: Callback): void {
    this.#listeners.push([event, callback]);
    kept!.on(event, callback);
  }

  off(event: string, callback: Callback): void {
    kept?.off(event, callback);
  }

  send(message: WorkerRequest): void {
    if (message.type === "stop") return this.#answer("stopped");
    if (message.type === "start") {
      this.#config = message.context.config;
      if (hasStarted) return this.#answer("started");
      hasStarted = true;
    }
    if (message.type === "run") {
      Object.assign(message.context, { config: this.#config, invalidates: files });
    }
    kept!.send(message);
  }

  deserialize(data: unknown): unknown {
    return data;
  }

  #answer(type: "started" | "stopped"): void {
    for (const [event, callback] of [...this.#listeners])
      if (event === "message") callback({ __vitest_worker_response__: true, type });
  }
}

export const keptWorkers: { name: string; createPoolWorker: (options: PoolOptions) => PoolWorker } =
  {
    name: "kept",
    createPoolWorker: (options) => new KeptWorker(options),
  };
