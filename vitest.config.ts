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

const exclude = runtime === "node" ? [] : nodeOnly;

/** How many files run side by side on one runtime. `npm run test:quick` has three runtimes at once, and one of each. */
const maxWorkers = Number(process.env["FRAMEWIRE_WORKERS"] ?? availableParallelism());

/**
 * Whether this is the run of `npm test` on Node, which reaches every line of `src/`, since no line of it is for one runtime.
 * A run of a few files is not measured against the threshold.
 */
const isMeasured = process.env["FRAMEWIRE_COVERAGE"] === "whole";

/**
 * One suite for three runtimes: `npm test` starts it in each of them. Its files run side by side, as many as there are cores.
 * What they measure they count, in calls, bytes and descriptors, so that it is the same on a machine that is busy.
 */
export default defineConfig({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: "side by side",
          include: ["test/**/*.test.ts"],
          exclude: [...exclude, ...sharing],
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
    ],
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
      include: ["src/**/*.ts", "adapters/**/*.ts"],
      exclude: ["src/globals.d.ts"],
      reporter: [["text", { skipFull: true }], "json-summary"],
      thresholds: isMeasured ? { "src/**/*.ts": { branches: 100, functions: 100 } } : {},
    },
  },
});
