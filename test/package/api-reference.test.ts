import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "../../scripts/built.mjs";
import { startProgram } from "../support/program.ts";

/**
 * The API reference is made of the sources (`npm run docs`): here it is made as JSON, by the same options, of which
 * every warning is an error.
 */

interface Reflection {
  readonly name: string;
  readonly children?: readonly Reflection[];
}

const { exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly exports: Readonly<Record<string, unknown>>;
};

describe("the API reference", () => {
  const folder = mkdtempSync(join(tmpdir(), "framewire-api-"));
  const file = join(folder, "api.json");
  let made: { readonly code: number | null; readonly output: string };

  beforeAll(async () => {
    const typedoc = join(root, "node_modules/typedoc/bin/typedoc");
    made = await startProgram([process.execPath, typedoc, "--json", file]).ended;
  }, 300_000);

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("is complete: every export and every member of it is described, and every link leads somewhere", () => {
    expect(made.code, made.output).toBe(0);
  });

  it("has a module for each entry, with the name that it is imported by", () => {
    const { children } = JSON.parse(readFileSync(file, "utf8")) as Required<Reflection>;
    const entries = Object.keys(exports)
      .filter((entry) => entry !== "./package.json")
      .map((entry) => entry.replace(/^\./, "framewire"));
    expect(children.map(({ name }) => name)).toEqual(entries);
  });
});
