import { defineConfig } from "vitest/config";
import { runtime } from "./test/support/runtime.ts";

/** Folders whose tests start programs of their own, so that one run of them, on Node, is enough. */
const nodeOnly = ["interop", "matrix", "browser", "package", "edge"].map(
  (name) => `test/${name}/**`,
);

/** The merged run is the one that has seen every line; a run on one runtime is not measured against the threshold. */
const mergesReports = process.argv.includes("--merge-reports");

/**
 * One suite for three runtimes: `npm test` starts it in each of them and merges the coverage.
 */
export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: runtime === "node" ? [] : nodeOnly,
    globalSetup: runtime === "node" ? ["test/support/build.ts"] : [],
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
