import { relative, resolve } from "node:path";
import process from "node:process";
import type { RunnerTask, RunnerTestCase } from "vitest";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification, type Vitest } from "vitest/node";
import { endKeptWorker, keptWorkers } from "./kept-worker.ts";

/**
 * The tests that answer for one folder of src/, which `npm run mutation` names in MUTATION_FOLDER: those at the mirrored
 * path, and the properties. The package is not built and nothing is measured, unlike in the configuration of the suite.
 */
const properties: Readonly<Record<string, readonly string[]>> = {
  frame: ["frame", "utf8"],
  http: ["http", "head"],
  flate: ["flate"],
  handshake: ["handshake", "head"],
};

const folder = process.env["MUTATION_FOLDER"] ?? "frame";

/** The file with the mutant, relative to the project; undefined in the first run, which has none. */
let mutated: string | undefined;

/** The test of the mutated file comes first, then the properties: others rarely kill what these do not. */
class NearestFirst extends BaseSequencer {
  override async sort(specs: TestSpecification[]): Promise<TestSpecification[]> {
    const nearest = mutated?.replace("src/", "test/").replace(".ts", ".test.ts") ?? "";
    const distance = ({ moduleId }: TestSpecification): number =>
      moduleId === resolve(nearest) ? 0 : moduleId.includes("/property/") ? 1 : 2;
    return specs.toSorted((a, b) => distance(a) - distance(b));
  }
}

/**
 * Stryker asks tests whether they failed, and a file that cannot be loaded has none: to it, a mutant with which nothing
 * loads has survived. Here the first test of such a file has failed, as it is known from the run without a mutant.
 */
function countFilesThatDoNotLoad(vitest: Vitest): void {
  const firstTests = new Map<string, RunnerTestCase>();
  const start = vitest.start.bind(vitest);
  vitest.start = async (filters) => {
    const result = await start(filters);
    for (const file of vitest.state.getFiles()) {
      const known = firstTests.get(file.filepath);
      if (file.result?.state === "fail" && file.tasks.length === 0 && known !== undefined) {
        file.tasks.push({ ...known, result: file.result });
      } else if (known === undefined) {
        let task: RunnerTask | undefined = file;
        while (task !== undefined && task.type !== "test") task = task.tasks[0];
        if (task !== undefined) firstTests.set(file.filepath, task);
      }
    }
    return result;
  };
}

export default defineConfig({
  plugins: [
    {
      name: "mutants",
      configureVitest: ({ vitest, project }) => {
        // Stryker asks for threads, whatever stands below.
        project.config.pool = keptWorkers.name as never;
        project.config.poolRunner = keptWorkers;
        vitest.onClose(endKeptWorker);
        countFilesThatDoNotLoad(vitest);
        // It says where the mutant is for Vitest to find the tests that import it, which takes longer than to run them.
        Object.defineProperty(vitest.config, "related", {
          get: () => undefined,
          set: (files: readonly string[] | undefined) => {
            mutated = files?.length === 1 ? relative(".", files[0]!) : undefined;
          },
        });
      },
    },
  ],
  test: {
    include: [
      `test/${folder}/**/*.test.ts`,
      ...properties[folder]!.map((name) => `test/property/${name}.test.ts`),
    ],
    setupFiles: ["test/mutation/setup.ts"],
    // The difference of two long lists takes seconds, and nobody reads it.
    diff: { truncateThreshold: 20 },
    isolate: false,
    fileParallelism: false,
    sequence: { sequencer: NearestFirst },
    // Sources with mutants in them are slow, most of all in src/frame, where each byte is looked at. Elsewhere mutants make
    // tests wait for ever, each for as long as this.
    testTimeout: folder === "frame" ? 60_000 : 8000,
  },
});
