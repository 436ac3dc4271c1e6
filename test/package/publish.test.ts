import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import buildConfig from "../../build.config.ts";
import { root, runtimeCommand } from "../../scripts/built.mjs";
import { packBeforeAll, runToEnd } from "../support/packed.ts";

interface Manifest {
  readonly version: string;
  readonly license: string;
  readonly exports: Record<string, unknown>;
}

const npmManifest = readManifest("package.json");
const jsrManifest = readManifest("jsr.json");

function readManifest(name: string): Manifest {
  return JSON.parse(readFileSync(join(root, name), "utf8")) as Manifest;
}

/** The command of a package that the project depends on. */
function binary(name: string): string {
  return join(root, "node_modules/.bin", name);
}

/** What lies at the top of a folder, of the paths of all files below it. */
function topLevel(paths: readonly string[], folder = ""): string[] {
  const below = paths.filter((path) => path.startsWith(folder));
  return [...new Set(below.map((path) => path.slice(folder.length).split("/")[0]!))].sort();
}

/** The build's entries: the name of each in dist/, and its source. */
const entries = (buildConfig as { entries: { input: string; name: string }[] }[]).flatMap(
  (config) => config.entries,
);

describe("the package for npm", { timeout: 60_000 }, () => {
  const packed = packBeforeAll();
  let files: string[] = [];

  beforeAll(async () => {
    const list = await runToEnd(["tar", "--list", "--gzip", "--file", packed.tarball]);
    files = list
      .trim()
      .split("\n")
      .map((path) => path.replace(/^package\//, ""));
  });

  it("holds what was built, and beside it what people read", () => {
    expect(topLevel(files)).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "dist",
      "package.json",
    ]);
  });

  it("holds code, types and a source map of every entry, and what they share", () => {
    const built = entries.flatMap(({ name }) => [
      `${name}.mjs`,
      `${name}.mjs.map`,
      `${name}.d.mts`,
    ]);
    const inDist = files.map((path) => path.replace(/^dist\//, ""));
    expect(inDist).toEqual(expect.arrayContaining(built));
    const names = [...topLevel(built), "shared"].sort();
    expect(topLevel(files, "dist/")).toEqual(names);
  });

  it("has nothing that publint objects to", async () => {
    expect(await runToEnd([binary("publint"), "--strict", packed.tarball])).toContain("All good!");
  });

  it("has types that resolve for every kind of import, as attw sees it", async () => {
    // A package of ES modules alone: what CommonJS and resolution older than "exports" make of it does not count.
    const output = await runToEnd([binary("attw"), "--profile", "esm-only", packed.tarball]);
    for (const key of Object.keys(npmManifest.exports)) {
      expect(output).toContain(`"${key.replace(/^\./, "framewire")}"`);
    }
  });
});

describe("the package for JSR", { timeout: 60_000 }, () => {
  it("has the version and the licence that npm's has", () => {
    expect(jsrManifest.version).toBe(npmManifest.version);
    expect(jsrManifest.license).toBe(npmManifest.license);
  });

  it("exports the source of every entry except framewire/auto, by the runtime's name where npm has conditions", () => {
    const sources = entries
      .filter(({ name }) => !name.startsWith("auto/") && name !== "websocket/platform")
      .map(({ name, input }) => [name === "index" ? "." : `./${name}`, `./${input}.ts`]);
    expect(jsrManifest.exports).toEqual(Object.fromEntries(sources));
    const others = Object.keys(npmManifest.exports).filter((key) => !(key in jsrManifest.exports));
    expect(others).toEqual(["./crossws", "./websocket", "./auto", "./package.json"]);
  });

  // No network is needed for it, nor anything in Deno's cache. The compiler options in jsr.json are there so that Deno
  // does not take those of tsconfig.json, which are not for a program that holds core and adapters together.
  it("would be published by Deno, without slow types, and with the sources alone", async () => {
    const [deno] = runtimeCommand("deno") as [string];
    const output = await runToEnd([deno, "publish", "--dry-run", "--allow-dirty"]);
    expect(output).toContain("Success Dry run complete");
    const paths = Array.from(output.matchAll(/^ *(file:\S+) \(/gm), ([, url]) =>
      fileURLToPath(url!).slice(root.length),
    );
    expect(topLevel(paths)).toEqual([
      "CHANGELOG.md",
      "LICENSE",
      "README.md",
      "adapters",
      "jsr.json",
      "src",
    ]);
    expect(paths.filter((path) => path.endsWith(".d.ts"))).toEqual([]);
    expect(topLevel(paths, "adapters/")).not.toContain("auto");
  });
});
