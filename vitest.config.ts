import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { runtime } from "./test/support/runtime.ts";

/** Folders whose tests start programs of their own, so that one run of them, on Node, is enough. */
const nodeOnly = ["interop", "matrix", "browser", "package", "edge"].map(
  (name) => `test/${name}/**`,
);

/** Tests that measure, and want the machine for themselves. */
const measuring = [
  "test/guard/**/*.test.ts",
  "test/hostile/memory.test.ts",
  "test/package/bench.test.ts",
  "test/package/heap.test.ts",
  "test/package/soak.test.ts",
  "test/runtime/flood.test.ts",
  "test/runtime/garbage.test.ts",
];

/** Tests of one source each, which leave nothing behind: they share processes, since to start one takes longer than most. */
const sharing = [
  "test/{connection,endpoint,extension,handshake,http,io,stream}/**/*.test.ts",
  // Those that are left out replace something global.
  "test/flate/!(history).test.ts",
  "test/frame/!(cipher|mask).test.ts",
];

const exclude = runtime === "node" ? [] : nodeOnly;

/** How many files run side by side. `npm run test:quick` has three runtimes at once, and one of each. */
const maxWorkers = Number(process.env["FRAMEWIRE_WORKERS"] ?? availableParallelism());

/** The merged run is the one that has seen every line; a run on one runtime is not measured against the threshold. */
const mergesReports = process.argv.includes("--merge-reports");

/**
 * One suite for three runtimes: `npm test` starts it in each of them and merges the coverage. Its files run side by side,
 * as many as there are cores; then those that measure, one after the other.
 */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "side by side",
          include: ["test/**/*.test.ts"],
          exclude: [...exclude, ...measuring, ...sharing],
          maxWorkers,
        },
      },
      {
        extends: true,
        test: {
          name: "together",
          include: sharing,
          isolate: false,
          maxWorkers,
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: measuring,
          exclude,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
    globalSetup: runtime === "node" ? ["test/support/build.ts"] : [],
    setupFiles: ["test/support/equal-bytes.ts"],
    pool: "forks",
    // Deno takes no V8 flags here; it gets them by DENO_V8_FLAGS. Bun has Bun.gc.
    execArgv: runtime === "node" ? ["--expose-gc"] : [],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    dangerouslyIgnoreUnhandledErrors: false,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts", "adapters/**/*.ts"],
      exclude: ["src/globals.d.ts"],
      reporter: ["text", "json-summary"],
      thresholds: mergesReports ? { "src/**/*.ts": { branches: 100, functions: 100 } } : {},
    },
  },
});
