import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runtimeCommand } from "../../scripts/built.mjs";
import { startProgram } from "../support/program.ts";

interface Package {
  readonly exports: Record<string, string | Record<string, string>>;
  readonly dependencies?: unknown;
}

const project = JSON.parse(readFileSync("package.json", "utf8")) as Package;

const entries = Object.keys(project.exports)
  .filter((entry) => entry !== "./package.json")
  .map((entry) => entry.replace(/^\./, "framewire"));

/** Runs a module's text on a runtime, in the project's folder; gives what it prints. */
async function evaluate(runtime: string, program: string): Promise<string> {
  const [command] = runtimeCommand(runtime);
  const flags = { node: ["--input-type=module", "--eval"], deno: ["eval"], bun: ["--eval"] };
  const args = flags[runtime as keyof typeof flags];
  const { code, output } = await startProgram([command, ...args, program]).ended;
  expect(code, output).toBe(0);
  return output.trim();
}

describe("the built package", () => {
  it("depends on nothing", () => {
    expect(project.dependencies).toBeUndefined();
  });

  describe.each(["node", "deno", "bun"])("on %s", (runtime) => {
    it("loads every entry by its name", async () => {
      const output = await evaluate(
        runtime,
        `for (const name of ${JSON.stringify(entries)}) {
          console.log(name, Object.keys(await import(name)).length > 0);
        }`,
      );
      expect(output.split("\n")).toEqual(entries.map((name) => `${name} true`));
    });

    it("has its own adapter as framewire/auto", async () => {
      const output = await evaluate(
        runtime,
        `const auto = await import("framewire/auto");
        const own = await import("framewire/${runtime}");
        console.log(auto.serve === own.serve);`,
      );
      expect(output).toBe("true");
    });
  });
});
