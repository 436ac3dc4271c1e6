import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkRuntime, oldestVersions, versionCheck } from "../../adapters/runtime-version.ts";

/** Makes the check for a runtime of some version, and runs it twice. */
function sentences(versions: Record<string, string>): string[] {
  const said: string[] = [];
  const check = versionCheck(versions, (sentence) => said.push(sentence));
  check();
  check();
  return said;
}

describe("versionCheck()", () => {
  it.each([
    { node: "20.19.0" },
    { node: "26.0.0" },
    { node: "30.0.0-nightly2026" },
    { node: "18.0.0", deno: "2.9.4" },
    { node: "18.0.0", deno: "3.0.0-rc.1" },
    { node: "18.0.0", bun: "1.4.5" },
    { node: "18.0.0", bun: "1.10.0-canary.1" },
  ])("does not warn of %o", (versions) => {
    expect(sentences(versions)).toEqual([]);
  });

  it.each([
    [{ node: "20.18.9" }, `Node ${oldestVersions.node} or later, and this is 20.18.9`],
    [{ node: "24.0.0", deno: "2.1.9" }, `Deno ${oldestVersions.deno} or later, and this is 2.1.9`],
    [{ node: "24.0.0", bun: "1.4.4" }, `Bun ${oldestVersions.bun} or later, and this is 1.4.4`],
    [{ node: "24.0.0", bun: "1.2.0" }, `Bun ${oldestVersions.bun} or later, and this is 1.2.0`],
  ])("warns of %o, once", (versions, needed) => {
    expect(sentences(versions)).toEqual([
      `framewire needs ${needed}: not everything works as it is documented (docs/runtimes.md)`,
    ]);
  });

  it("does not warn on a platform that is none of the three", () => {
    expect(sentences({})).toEqual([]);
  });

  it("refuses a Bun whose sockets cannot be closed", () => {
    expect(() => sentences({ node: "22.0.0", bun: "1.1.45" })).toThrow(
      new TypeError("framewire needs Bun 1.4.5 or later, and this is 1.1.45"),
    );
  });
});

describe("oldestVersions", () => {
  it("are those of package.json", () => {
    const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
    const { engines } = JSON.parse(text) as { engines: Record<string, string> };
    const oldest = Object.entries(engines).map(([name, range]) => [
      name,
      /^>=(\d+\.\d+(?:\.\d+)?)$/.exec(range)?.[1],
    ]);
    expect(oldest).toEqual(
      Object.entries(oldestVersions).map(([name, version]) => [name, version.replace(/\.0$/, "")]),
    );
  });
});

describe("checkRuntime()", () => {
  it("does not warn of the runtimes that the tests run on", () => {
    expect(checkRuntime).not.toThrow();
  });
});
