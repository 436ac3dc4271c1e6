import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { root, runtimeCommand } from "../../scripts/built.mjs";
import { startProgram } from "../support/program.ts";

const h3 = `plain
2097152
ann: hello ann, ?a=1
bob: hello bob, 
ann: bob has come
bob: good day
ann: bytes good day
refused 403
refused 401 404
private
closed 4000`;
const nitro = `plain
news /feed/news
{"a":1}
1005`;

/** Programs that were written for `crossws`: which of its modules they take, where that runs, and what they print. */
const programs = [
  ["h3", "crossws/server", ["node", "deno", "bun"], h3],
  ["nitro", "crossws/adapters/node", ["node"], nitro],
] as const;

async function run(runtime: string, name: string, module: string): Promise<string> {
  const folder = join(root, "test/interop/hook-programs");
  const command = [...runtimeCommand(runtime), join(folder, `${name}.mjs`), module];
  const { code, output } = await startProgram(command, {}, folder).ended;
  expect(code, output).toBe(0);
  return output.trim();
}

describe.each(programs)("the program %s", (name, module, runtimes, output) => {
  it.each(["node", "deno", "bun"])("runs on framewire/crossws on %s", async (runtime) => {
    expect(await run(runtime, name, "framewire/crossws")).toBe(output);
  });

  it.each(runtimes)("prints the same with crossws itself on %s", async (runtime) => {
    expect(await run(runtime, name, module)).toBe(output);
  });
});
