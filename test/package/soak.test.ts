import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { root } from "../../scripts/built.mjs";

const executeFile = promisify(execFile);

describe.each(["node", "deno", "bun"])("a server on %s", (runtime) => {
  it(
    "has no connection and no descriptor left after 2 000 connections, however they ended",
    { timeout: 60_000 },
    async () => {
      const args = ["bench/run.mjs", "soak", "--quick", "--runtime", runtime];
      const { stdout } = await executeFile(process.execPath, args, { cwd: root });
      // The program fails where something is left; the row tells that it has looked.
      expect(stdout).toMatch(new RegExp(`^\\| ${runtime} \\| descriptors `, "m"));
    },
  );
});
