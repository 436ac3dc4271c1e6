import process from "node:process";

const folder = process.env.MUTATION_FOLDER ?? "frame";
const reports = `.mutation/${folder}`;

/** @type {import("@stryker-mutator/api/core").PartialStrykerOptions} */
export default {
  mutate: [`src/${folder}/**/*.ts`],
  testRunner: "vitest",
  vitest: { configFile: "test/mutation/vitest.config.ts" },
  plugins: ["@stryker-mutator/vitest-runner", "./test/mutation/ignore-messages.mjs"],
  ignorers: ["messages"],
  coverageAnalysis: "perTest",
  concurrency: 1,
  // A mutant that loops is stopped by the count of its turns. The clock is for those that wait, on a busy machine too.
  timeoutMS: 30_000,
  timeoutFactor: 3,
  incremental: true,
  incrementalFile: `${reports}/incremental.json`,
  reporters: ["progress-append-only", "clear-text", "json", "html"],
  clearTextReporter: { reportTests: false, reportMutants: false, allowEmojis: false },
  jsonReporter: { fileName: `${reports}/report.json` },
  htmlReporter: { fileName: `${reports}/report.html` },
  thresholds: { high: 95, low: 90, break: 90 },
  tempDirName: ".mutation/sandbox",
  ignorePatterns: ["/.*", "/dist", "/bench", "/coverage", "/docs", "/examples"],
  allowConsoleColors: false,
};
