import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { startProgram } from "./program.ts";

/** Runs a program to its end, which has to be a good one; gives what it printed. */
export async function runToEnd(command: readonly string[], cwd?: string): Promise<string> {
  const { code, output } = await startProgram(command, { NO_COLOR: "1" }, cwd).ended;
  expect(code, output).toBe(0);
  return output;
}

/** The package as npm would publish it, packed before the tests of a file and deleted behind them. */
export interface PackedPackage {
  /** A folder for the tests of the file. */
  readonly folder: string;
  /** Path of the tarball in it. */
  readonly tarball: string;
}

/** Has the package packed before the tests of the file; what it gives is filled in by then. */
export function packBeforeAll(): PackedPackage {
  const folder = mkdtempSync(join(tmpdir(), "framewire-pack-"));
  const packed = { folder, tarball: "" };
  beforeAll(async () => {
    // Without scripts: it was built before the tests, and a second build would take dist/ from under the others.
    const flags = ["--ignore-scripts", "--silent", "--pack-destination", folder];
    const output = await runToEnd(["npm", "pack", ...flags]);
    packed.tarball = join(folder, output.trim().split("\n").at(-1)!);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  return packed;
}
