import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root, runtimeCommand } from "../../scripts/built.mjs";
import { aliasProject } from "../support/alias-project.ts";
import { startProgram } from "../support/program.ts";

/**
 * Programs that were written for `ws`, unchanged but for the class that they are given, or for the package that they find under its
 * name. Those that import `ws` themselves get it by that name alone, which Bun gives to an imitation of its own whatever is installed:
 * there they do not run on framewire, and are not tested.
 */
const programs: readonly (readonly [name: string, output: string, packages: readonly string[]])[] =
  [
    [
      "socket.io",
      `${'acknowledged {"text":"ü"}\nbinary bytes\nroom 2000 2000\nreconnected\n'.repeat(2)}from polling to websocket`,
      ["socket.io", "socket.io-client"],
    ],
    ["names", "required function 5\nimported true function", []],
    ["graphql-ws", "world\n1\n2\n3", ["graphql", "graphql-ws"]],
    ["y-websocket", "converged", ["y-websocket", "yjs"]],
    ["trpc", "world\n1\n2\n3", ["@trpc/client", "@trpc/server"]],
    ["mqtt", "topic/1 300000", ["aedes", "mqtt"]],
    ["fastify-websocket", "injected: hello\nann: hello\n1005", ["@fastify/websocket", "fastify"]],
    ["express-ws", "ann: hello 1", ["express", "express-ws"]],
    ["reconnecting", "one two\n1000\none two\n1000", ["partysocket", "reconnecting-websocket"]],
  ];

/** They import `ws` themselves. */
const byName = ["fastify-websocket", "express-ws"];

async function run(runtime: string, folder: string, name: string, module: string): Promise<string> {
  const program = join(folder, `${name}.mjs`);
  const command = [...runtimeCommand(runtime), program, module];
  const { code, output } = await startProgram(command, {}, folder).ended;
  expect(code, output).toBe(0);
  return output.trim();
}

describe("framewire/ws under the name of ws", () => {
  let folder = "";

  beforeAll(() => {
    folder = aliasProject(programs.flatMap(([, , packages]) => packages));
    cpSync(join(root, "test/interop/ws-programs"), folder, { recursive: true });
  }, 120_000);

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(programs)("runs %s on Node", async (name, output) => {
    expect(await run("node", folder, name, "ws")).toBe(output);
  });

  it.each(programs)("runs %s on Deno", async (name, output) => {
    expect(await run("deno", folder, name, "ws")).toBe(output);
  });
});

describe("framewire/ws, given as a class", () => {
  const given = programs.filter(([name]) => !byName.includes(name));

  it.each(given)("runs %s on Bun", async (name, output) => {
    const folder = join(root, "test/interop/ws-programs");
    expect(await run("bun", folder, name, "framewire/ws")).toBe(output);
  });
});
