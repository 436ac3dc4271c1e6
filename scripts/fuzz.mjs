// Plays mutants of hostile inputs for FUZZ_SECONDS (60 unless told), shared out among the targets of test/fuzz, from
// FUZZ_SEED on (any unless told), scenarios of test/model for as long, and the pull ring by chance. What is found is printed
// with its seed and its bytes, or its actions.
import { spawn } from "node:child_process";
import process from "node:process";

const { FUZZ_SECONDS = "60", FUZZ_SEED = String(Math.floor(Math.random() * 2 ** 31)) } =
  process.env;
console.log(`FUZZ_SECONDS=${FUZZ_SECONDS} FUZZ_SEED=${FUZZ_SEED}`);
const child = spawn(
  process.execPath,
  [
    "node_modules/vitest/vitest.mjs",
    "run",
    "test/fuzz",
    "test/property/pull-model",
    "test/model",
    "--reporter=verbose",
    ...process.argv.slice(2),
  ],
  { stdio: "inherit", env: { ...process.env, FUZZ_SECONDS, FUZZ_SEED } },
);
child.on("exit", (code) => process.exit(code ?? 1));
