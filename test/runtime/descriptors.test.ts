import process from "node:process";
import { describe, expect, it } from "vitest";
import { startProgram } from "../support/program.ts";
import { runtime } from "../support/runtime.ts";

// By the shell's limit, which Windows has not.
describe.skipIf(process.platform === "win32")(
  `a client on ${runtime} that has no file descriptor left`,
  () => {
    it("fails with FAILED, and does not say that it was refused", async () => {
      const program = {
        node: [process.execPath],
        deno: [process.execPath, "run", "-A"],
        bun: [process.execPath, "run"],
      }[runtime];
      const client = startProgram([
        ...["sh", "-c", 'ulimit -n 128; exec "$0" "$@"', ...program],
        ...["test/support/hungry-client.mjs", runtime],
      ]);
      const { code, output } = await client.ended;
      expect(output.trim().split("\n")).toEqual(["FAILED", "and served again"]);
      expect(code).toBe(0);
    });
  },
);
