import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { runtime } from "./test/support/runtime.ts";

/** Folders whose tests start programs of their own, so that one run of them, on Node, is enough. */
const nodeOnly = ["interop", "matrix", "browser", "package", "edge"].map(
  (name) => `test/${name}/**`,
);

/** Tests of one source each, which leave nothing behind: they share processes, since to start one takes longer than most. */
const sharing = [
  "test/{connection,endpoint,extension,handshake,http,io,stream}/**/*.test.ts",
  // Those that are left out replace something global.
  "test/flate/!(history).test.ts",
  "test/frame/!(cipher|mask).test.ts",
];

/** Tests that have a process for each file, and with those above reach every branch of `src/`. */
const measured = [
  "test/*.test.ts",
  "test/flate/history.test.ts",
  "test/frame/{cipher,mask}.test.ts",
  "test/{model,property,runtime}/**/*.test.ts",
];

/**
 * `npm test` runs Node's suite in two parts. "measured": those, of which coverage is taken; that makes a test a fifth slower.
 * "rest": all others. Without it there is one.
 */
const part = process.env["FRAMEWIRE_PART"];
const isMeasured = part === "measured";

const exclude = [
  ...(runtime === "node" ? [] : nodeOnly),
  ...sharing,
  ...(part === "rest" ? measured : []),
];

/** How many files run side by side on one runtime. `npm run test:quick` has three runtimes at once, and one of each. */
const maxWorkers = Number(process.env["FRAMEWIRE_WORKERS"] ?? availableParallelism());

const sideBySide = {
  extends: true,
  test: {
    name: "side by side",
    include: isMeasured ? measured : ["test/**/*.test.ts"],
    exclude,
    maxWorkers,
  },
} as const;

const together = {
  extends: true,
  test: { name: "together", include: sharing, isolate: false, maxWorkers },
} as const;

/**
 * One suite for three runtimes: `npm test` starts it in each of them. Its files run side by side, as many as there are cores.
 * What they measure they count, in calls, bytes and descriptors, so that it is the same on a machine that is busy.
 */
export default defineConfig({
  test: {
    projects: part === "rest" ? [sideBySide] : [sideBySide, together],
    globalSetup: runtime === "node" ? ["test/support/build.ts"] : [],
    setupFiles: ["test/support/equal-bytes.ts"],
    pool: "forks",
    // Deno takes no V8 flags here; it gets them by DENO_V8_FLAGS. Bun has Bun.gc.
    execArgv: runtime === "node" ? ["--expose-gc"] : [],
    // What hangs has failed; what is slow on a busy machine has not.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    dangerouslyIgnoreUnhandledErrors: false,
    coverage: {
      provider: "v8",
      include: isMeasured ? ["src/**/*.ts"] : ["src/**/*.ts", "adapters/**/*.ts"],
      exclude: ["src/globals.d.ts"],
      reporter: [["text", { skipFull: true }], "json-summary"],
      thresholds: isMeasured ? { "src/**/*.ts": { branches: 100, functions: 100 } } : {},
    },
  },
});
