// Mutation testing of the folders that are named, such as src/frame, or of all four. Fails where less than 90 % of the
// mutants are killed. test/mutation/README.md says what the survivors are.
import { spawnSync } from "node:child_process";
import process from "node:process";

const all = ["src/frame", "src/http", "src/flate", "src/handshake"];
const named = process.argv.slice(2).map((name) => name.replace(/\/$/, ""));
const unknown = named.filter((name) => !all.includes(name));
if (unknown.length > 0) throw new Error(`Folders are ${all.join(", ")}, not ${unknown.join(", ")}`);

let failed = false;
for (const folder of named.length > 0 ? named : all) {
  console.log(`\n${folder}`);
  const { status } = spawnSync(
    process.execPath,
    [
      "node_modules/@stryker-mutator/core/bin/stryker.js",
      "run",
      "test/mutation/stryker.config.mjs",
    ],
    { stdio: "inherit", env: { ...process.env, MUTATION_FOLDER: folder.slice("src/".length) } },
  );
  failed ||= status !== 0;
}
process.exitCode = failed ? 1 : 0;
