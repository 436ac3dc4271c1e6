import { cpSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { root, runtimeCommand } from "../../scripts/built.mjs";
import { packBeforeAll, runToEnd } from "../support/packed.ts";
import { startProgram } from "../support/program.ts";

/** What a stranger does with the package: installs it in an empty project, imports it by its name, compiles. */

const packed = packBeforeAll();

beforeAll(async () => {
  const { folder, tarball } = packed;
  writeFileSync(join(folder, "package.json"), '{ "type": "module", "private": true }\n');
  // It depends on nothing, so nothing is asked of a registry.
  await runToEnd(["npm", "install", "--offline", "--no-audit", "--no-fund", tarball], folder);
  cpSync(join(root, "test/support/installed"), folder, { recursive: true });
  cpSync(join(root, "test/types/consumer.ts"), join(folder, "consumer.ts"));
}, 120_000);

describe("the installed package", () => {
  it("has no dependencies", () => {
    const installed = readdirSync(join(packed.folder, "node_modules"));
    expect(installed.filter((name) => !name.startsWith("."))).toEqual(["framewire"]);
  });

  it.each(["node", "deno", "bun"])("serves a client by its name on %s", async (runtime) => {
    const { folder } = packed;
    const command = runtimeCommand(runtime);
    const server = startProgram([...command, "server.mjs"], {}, folder);
    onTestFinished(async () => void (await server.stop()));
    const [, port] = await server.line(/on port (\d+)/);
    expect(await runToEnd([...command, "client.mjs", port!], folder)).toBe(
      "permessage-deflate: Hello\n1000 true\n",
    );
    expect((await server.ended).code).toBe(0);
  });
});

describe("the installed package's types", { timeout: 120_000 }, () => {
  const strict = {
    target: "ES2022",
    module: "NodeNext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    typeRoots: [join(root, "node_modules/@types")],
  };

  /** Compiles one file with some more options. */
  async function compile(file: string, options: object): Promise<string> {
    const config = `tsconfig.${file}.json`;
    const compilerOptions = { ...strict, ...options };
    writeFileSync(
      join(packed.folder, config),
      JSON.stringify({ compilerOptions, files: [`${file}.ts`] }),
    );
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    return await runToEnd([process.execPath, tsc, "--project", config], packed.folder);
  }

  it.each([
    ["no library but the language's", { lib: ["ES2023", "ESNext.Disposable"] }],
    ["the libraries of a browser", {}],
    ["a bundler's resolution", { module: "ESNext", moduleResolution: "Bundler" }],
  ])("compile without a runtime's types, all libraries checked, with %s", async (_, options) => {
    await compile("consumer", { types: [], skipLibCheck: false, ...options });
  });

  it.each(["node", "deno", "bun"])("compile with the types of %s", async (runtime) => {
    await compile(runtime, { types: [runtime], skipLibCheck: true });
  });

  it("refuse what is wrong, so that the tests above can fail", async () => {
    writeFileSync(
      join(packed.folder, "wrong.ts"),
      `import { serve } from "framewire/node";\nawait serve({ port: "8080" }, {});\n`,
    );
    await expect(compile("wrong", { types: [] })).rejects.toThrow(/error TS2322/);
  });
});
