import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { runtime } from "./test/support/runtime.ts";

/** Folders whose tests start programs of their own, so that one run of them, on Node, is enough. */
const nodeOnly = ["interop", "matrix", "browser", "package", "edge"].map(
  (name) => `test/${name}/**`,
);

/** Tests that leave nothing behind: they share processes, since to start one takes longer than most. */
const sharing = [
  "test/{connection,endpoint,errors,extension,handshake,http,io,nodes,stream}/**/*.test.ts",
  "test/{fuzz,model,property}/**/*.test.ts",
  // The first counts work, and has to be loaded before what it counts; the other is about the process itself.
  "test/!(complexity|runtime).test.ts",
  // That one counts memory.
  "test/hostile/!(memory).test.ts",
  // Those of Node's adapter make its sockets fail, which it remembers.
  "test/adapters/{*.test.ts,!(node)/**/*.test.ts}",
  // Those that are left out replace something global, or count what a process has: descriptors, memory, errors that nobody takes.
  "test/flate/!(history).test.ts",
  "test/frame/!(cipher|mask).test.ts",
  "test/runtime/!(accept|descriptors|flood|garbage|handlers|streams-out|unhandled-errors|unref|usual-mistakes).test.ts",
];

/** Tests that reach every branch of `src/`: what each source has of its own, what sequences there may be, and real sockets. */
const measured = [
  "test/*.test.ts",
  "test/{connection,endpoint,errors,extension,flate,frame,handshake,http,io,nodes,stream}/**/*.test.ts",
  "test/{model,property,runtime}/**/*.test.ts",
];

/** Those of them that share processes and are not measured. */
const sharingUnmeasured = ["test/{adapters,fuzz,hostile}/**/*.test.ts"];

/**
 * `npm test` runs Node's suite in two parts. "measured": those, of which coverage is taken; that makes a test a fifth slower.
 * "rest": all others. Without it there is one.
 */
const part = process.env["FRAMEWIRE_PART"];
const isMeasured = part === "measured";
const otherPart: string[] = part === "rest" ? measured : [];

/** How many files run side by side on one runtime. `npm run test:quick` has three runtimes at once, and one of each. */
const maxWorkers = Number(process.env["FRAMEWIRE_WORKERS"] ?? availableParallelism());

const sideBySide = {
  extends: true as const,
  test: {
    name: "side by side",
    include: isMeasured ? measured : ["test/**/*.test.ts"],
    exclude: [...(runtime === "node" ? [] : nodeOnly), ...sharing, ...otherPart],
    maxWorkers,
  },
};

const together = {
  extends: true as const,
  test: {
    name: "together",
    include: sharing,
    exclude: isMeasured ? sharingUnmeasured : otherPart,
    isolate: false,
    maxWorkers,
  },
};

/**
 * One suite for three runtimes: `npm test` starts it in each of them. Its files run side by side, as many as there are cores.
 * What they measure they count, in calls, bytes and descriptors, so that it is the same on a machine that is busy.
 */
export default defineConfig({
  test: {
    projects: [sideBySide, together],
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
